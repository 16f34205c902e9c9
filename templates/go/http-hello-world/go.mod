module example.com/http-hello-world

go 1.24.0
