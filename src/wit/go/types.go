// Package wit has what bindings are made of: the types of WIT that Go has no type for, and how values pass.
//
// A program needs of it: [Result] and the tuples, [Fail] and [Failure] for errors that carry a value, [Some] for options.
package wit

import "errors"

// Unit is the type of a payload that there is not.
type Unit = struct{}

// Result is a result inside of another type. A function's result is a Go value and an error instead.
type Result[T, E any] struct {
	OK    T
	Err   E
	IsErr bool
}

// Unwrap makes of a result what functions return.
func (r Result[T, E]) Unwrap() (T, error) {
	if r.IsErr {
		return r.OK, Fail(r.Err)
	}
	return r.OK, nil
}

// Wrap is the reverse. An error that has no E in it is text if E is, else it is not what the function's WIT says: that ends the call.
func Wrap[T, E any](v T, err error) Result[T, E] {
	if err == nil {
		return Result[T, E]{OK: v}
	}
	r := Result[T, E]{IsErr: true}
	value, ok := Failure[E](err)
	switch to := any(&r.Err).(type) {
	case *Unit:
	case *string:
		if *to = any(value).(string); !ok {
			*to = err.Error()
		}
	default:
		if r.Err = value; !ok {
			panic("the function's error is not of the type that its WIT says: " + err.Error())
		}
	}
	return r
}

// Error is an error whose value is of a WIT type.
type Error[E any] struct{ Value E }

// Fail makes an error of a value.
func Fail[E any](value E) error { return &Error[E]{value} }

// Failure finds the value in an error.
func Failure[E any](err error) (value E, ok bool) {
	var failed *Error[E]
	if ok = errors.As(err, &failed); ok {
		value = failed.Value
	}
	return value, ok
}

func (e *Error[E]) Error() string {
	switch value := any(e.Value).(type) {
	case error:
		return value.Error()
	case interface{ String() string }:
		return value.String()
	case string:
		return value
	}
	return "failed"
}

// Some makes an option of a value.
func Some[T any](v T) *T { return &v }

// Handle refers to a resource of others.
type Handle struct{ index uint32 }

// Own is a handle that has come in.
func Own(index uint32) Handle { return Handle{index} }

// Take gives it away: the resource is not the component's any more.
func (h *Handle) Take() uint32 {
	index := h.Lend()
	h.index = 0
	return index
}

// Lend shows it to a call.
func (h *Handle) Lend() uint32 {
	if h.index == 0 {
		panic("a resource is used that was dropped or given away")
	}
	return h.index
}

// Drop ends it with the function that does so, if it was not dropped or given away.
func (h *Handle) Drop(drop func(uint32)) {
	if h.index != 0 {
		drop(h.Take())
	}
}

var borrowed []interface{ Drop() }

// Borrow notes a handle that is lent to an export while it runs.
func Borrow[T interface{ Drop() }](v T) T {
	borrowed = append(borrowed, v)
	return v
}

// Borrowed are those noted since it was last called: the arguments of one export.
func Borrowed() []interface{ Drop() } {
	all := borrowed
	borrowed = nil
	return all
}

// DropAll gives back what was lent.
func DropAll(all []interface{ Drop() }) {
	for _, v := range all {
		v.Drop()
	}
}

// Table has the resources of the component, by the numbers that stand for them.
type Table[T any] struct {
	all  map[uint32]T
	last uint32
}

func (t *Table[T]) Add(v T) uint32 {
	if t.all == nil {
		t.all = make(map[uint32]T)
	}
	t.last++
	t.all[t.last] = v
	return t.last
}

func (t *Table[T]) Get(number uint32) T { return t.all[number] }

// Remove gives what was there, if it still was.
func (t *Table[T]) Remove(number uint32) (v T, ok bool) {
	v, ok = t.all[number]
	delete(t.all, number)
	return v, ok
}

// End tells a resource that nobody refers to it any more, if it wants to know.
func (t *Table[T]) End(number uint32) {
	if v, ok := t.Remove(number); ok {
		if v, ok := any(v).(interface{ Drop() }); ok {
			v.Drop()
		}
	}
}
