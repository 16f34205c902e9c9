module guest/go-types

go 1.24
