package wit

import (
	"math"
	"unicode/utf8"
	"unsafe"
)

// What passes between the component and others lies in an arena, and is copied to and from the Go heap. Others' pointers are unknown
// to the garbage collector. And they ask for memory when the component may not call anything, as the Go runtime does to read the
// clock when it collects: taking a piece of the arena calls nothing.
//
// The arena is empty again when no call is under way that uses it; calls may interleave, on several goroutines.

const (
	firstBytes   = 64 << 10  // enough for most calls; in the memory that the component starts with
	adapterBytes = 160 << 10 // an adapter of WASI preview 1 takes its stack and its state, 64 KiB each
)

var (
	firstChunk [firstBytes / 8]uint64
	chunk      = firstChunk[:] // what the arena takes from
	spent      [][]uint64      // smaller ones before it, which calls under way may use
	next, end  = bounds(chunk) // what is free of it
	calls      int             // under way

	adapterChunk [adapterBytes / 8]uint64
	adapterUsed  uint32
)

func address(p unsafe.Pointer) uint32 { return uint32(uintptr(p)) }

func at[T any](p uint32) *T { return (*T)(unsafe.Add(nil, p)) }

func bounds(chunk []uint64) (start, end uint64) {
	start = uint64(address(unsafe.Pointer(unsafe.SliceData(chunk))))
	return start, start + uint64(len(chunk))*8
}

// Enter begins the use of the arena by a call.
func Enter() { calls++ }

// Leave ends it; what the call had in the arena is lost.
func Leave() {
	if calls--; calls == 0 {
		next, end = bounds(chunk)
		clear(spent)
		spent = spent[:0]
	}
}

// Alloc takes memory from the arena.
func Alloc(size, align uint32) uint32 { return take(size, align) }

//go:nosplit
func take(size, align uint32) uint32 {
	p := (next + uint64(align) - 1) &^ (uint64(align) - 1)
	if p+uint64(size) > end {
		grow(uint64(size))
		p = next
	}
	next = p + uint64(size)
	return uint32(p)
}

// realloc is what others take memory with. Only text that changes its encoding on the way has had any before.
//
//go:wasmexport cabi_realloc
//go:nosplit
func realloc(old, oldSize, align, size uint32) uint32 {
	p := take(size, align)
	if old != 0 {
		move(p, old, min(oldSize, size))
	}
	return p
}

func move(to, from, size uint32) {
	copy(unsafe.Slice(at[byte](to), size), unsafe.Slice(at[byte](from), size))
}

// reallocAdapter gives an adapter of WASI preview 1 what it keeps, before the Go runtime has started: no Go code may be reached from
// here that looks at its stack.
//
//go:wasmexport cabi_realloc_adapter
//go:nosplit
func reallocAdapter(old, oldSize, align, size uint32) uint32 {
	start := address(unsafe.Pointer(&adapterChunk))
	p := (start + adapterUsed + align - 1) &^ (align - 1)
	if old != 0 || size > start+adapterBytes-p {
		return 0
	}
	adapterUsed = p + size - start
	return p
}

//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func pauseClock(paused uint32)

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// grow replaces the chunk by one that has room for size bytes. As others may be waiting for it, it must call nothing: while a
// goroutine is pinned no collection starts, and a paused clock answers by itself.
func grow(size uint64) {
	procPin()
	pauseClock(1)
	spent = append(spent, chunk)
	chunk = make([]uint64, (max(size, uint64(len(chunk))*16)+7)/8)
	next, end = bounds(chunk)
	pauseClock(0)
	procUnpin()
}

// --- values in memory: Lower puts one there, Lift takes it from there ---

// Lower is for every type that Go keeps as the Canonical ABI does: bool, integers, floats, rune, and what is made of integers.
func Lower[T any](p uint32, v T) { *at[T](p) = v }

func Lift[T any](p uint32) T { return *at[T](p) }

// LowerString replaces what is no UTF-8, which others would not take.
func LowerString(p uint32, v string) {
	if !utf8.ValidString(v) {
		v = string([]rune(v))
	}
	LowerScalars(p, unsafe.Slice(unsafe.StringData(v), len(v)))
}

func LiftString(p uint32) string { return string(view[byte](p)) }

// view is a list that lies in the arena.
func view[T any](p uint32) []T {
	n := Lift[uint32](p + 4)
	if n == 0 {
		return nil
	}
	return unsafe.Slice(at[T](Lift[uint32](p)), n)
}

func lowerSpan(p, start uint32, n int) {
	Lower(p, start)
	Lower(p+4, uint32(n))
}

// elements takes memory for a list. In Go it may be smaller than there: nil stands for an option of a record of any size.
func elements(n int, size, align uint32) uint32 {
	bytes := uint64(n) * uint64(size)
	if bytes > math.MaxUint32 {
		panic("a list is larger than memory")
	}
	return Alloc(uint32(bytes), align)
}

// LowerScalars is for lists of types that Lower is for: they are copied as they are.
func LowerScalars[T any](p uint32, v []T) {
	var element T
	start := elements(len(v), uint32(unsafe.Sizeof(element)), uint32(unsafe.Alignof(element)))
	copy(unsafe.Slice(at[T](start), len(v)), v)
	lowerSpan(p, start, len(v))
}

func LiftScalars[T any](p uint32) []T { return append([]T(nil), view[T](p)...) }

func LowerList[T any](p uint32, v []T, size, align uint32, lower func(uint32, T)) {
	start := elements(len(v), size, align)
	LowerArray(start, v, size, lower)
	lowerSpan(p, start, len(v))
}

func LiftList[T any](p, size uint32, lift func(uint32) T) []T {
	v := make([]T, Lift[uint32](p+4))
	LiftArray(Lift[uint32](p), v, size, lift)
	return v
}

// LowerArray is for lists of fixed length, whose elements lie one after another.
func LowerArray[T any](p uint32, v []T, size uint32, lower func(uint32, T)) {
	for i, element := range v {
		lower(p+uint32(i)*size, element)
	}
}

func LiftArray[T any](p uint32, v []T, size uint32, lift func(uint32) T) {
	for i := range v {
		v[i] = lift(p + uint32(i)*size)
	}
}

func LowerMap[K comparable, V any](p uint32, v map[K]V, size, align, value uint32, key func(uint32, K), lower func(uint32, V)) {
	start, i := elements(len(v), size, align), uint32(0)
	for k, element := range v {
		key(start+i*size, k)
		lower(start+i*size+value, element)
		i++
	}
	lowerSpan(p, start, len(v))
}

func LiftMap[K comparable, V any](p, size, value uint32, key func(uint32) K, lift func(uint32) V) map[K]V {
	start, n := Lift[uint32](p), Lift[uint32](p+4)
	v := make(map[K]V, n)
	for i := range n {
		v[key(start+i*size)] = lift(start + i*size + value)
	}
	return v
}

func LowerOption[T any](p uint32, v *T, payload uint32, lower func(uint32, T)) {
	if Lower(p, v != nil); v != nil {
		lower(p+payload, *v)
	}
}

func LiftOption[T any](p, payload uint32, lift func(uint32) T) *T {
	if !Lift[bool](p) {
		return nil
	}
	v := lift(p + payload)
	return &v
}

// LowerNilable is for options of what can be nil itself: handles and variants.
func LowerNilable[T any](p uint32, v T, some bool, payload uint32, lower func(uint32, T)) {
	if Lower(p, some); some {
		lower(p+payload, v)
	}
}

func LiftNilable[T any](p, payload uint32, lift func(uint32) T) (v T) {
	if Lift[bool](p) {
		v = lift(p + payload)
	}
	return v
}

func LowerResult[T, E any](p uint32, v Result[T, E], payload uint32, lowerOK func(uint32, T), lowerErr func(uint32, E)) {
	if Lower(p, v.IsErr); v.IsErr {
		lowerErr(p+payload, v.Err)
	} else {
		lowerOK(p+payload, v.OK)
	}
}

func LiftResult[T, E any](p, payload uint32, liftOK func(uint32) T, liftErr func(uint32) E) (v Result[T, E]) {
	if v.IsErr = Lift[bool](p); v.IsErr {
		v.Err = liftErr(p + payload)
	} else {
		v.OK = liftOK(p + payload)
	}
	return v
}

// LowerUnit is for a payload that there is not.
func LowerUnit(uint32, Unit) {}

func LiftUnit(uint32) Unit { return Unit{} }
