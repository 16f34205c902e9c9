package wit

import "math"

// Layout says how a value that lies in memory is passed in core values. It is one of: a core value of Bytes bytes, negative if signed;
// Parts; a variant, with a tag of Tag bytes, payloads at Payload, and Cores core values in all.
type Layout struct {
	Bytes   int8
	Parts   []Part
	Tag     uint8
	Payload uint32
	Cores   int
	Cases   []*Layout // nil: without payload
}

type Part struct {
	Offset uint32
	Of     *Layout
}

var (
	U8   = Layout{Bytes: 1}
	S8   = Layout{Bytes: -1}
	U16  = Layout{Bytes: 2}
	S16  = Layout{Bytes: -2}
	W32  = Layout{Bytes: 4}
	W64  = Layout{Bytes: 8}
	Span = Layout{Parts: []Part{{0, &W32}, {4, &W32}}} // text and lists
)

// Cores are the bits of core values; a value of 32 bits is in the lower ones.
type Cores [16]uint64

// Flatten reads the core values of what lies at p.
func Flatten(layout *Layout, p uint32) (c Cores) {
	layout.flatten(p, c[:])
	return c
}

func (l *Layout) flatten(p uint32, c []uint64) []uint64 {
	if l.Tag != 0 {
		c[0] = read(int8(l.Tag), p)
		if of := l.Cases[c[0]]; of != nil {
			of.flatten(p+l.Payload, c[1:])
		}
		return c[l.Cores:]
	}
	if l.Bytes != 0 {
		c[0] = read(l.Bytes, p)
		return c[1:]
	}
	for _, part := range l.Parts {
		c = part.Of.flatten(p+part.Offset, c)
	}
	return c
}

// Unflatten writes a value to the arena, of size and align, and gives its place.
func Unflatten(layout *Layout, size, align uint32, c ...uint64) uint32 {
	p := Alloc(size, align)
	layout.unflatten(p, c)
	return p
}

func (l *Layout) unflatten(p uint32, c []uint64) []uint64 {
	if l.Tag != 0 {
		write(int8(l.Tag), p, c[0])
		if of := l.Cases[uint32(c[0])]; of != nil {
			of.unflatten(p+l.Payload, c[1:])
		}
		return c[l.Cores:]
	}
	if l.Bytes != 0 {
		write(l.Bytes, p, c[0])
		return c[1:]
	}
	for _, part := range l.Parts {
		c = part.Of.unflatten(p+part.Offset, c)
	}
	return c
}

func read(bytes int8, p uint32) uint64 {
	switch bytes {
	case 1:
		return uint64(Lift[uint8](p))
	case -1:
		return uint64(uint32(Lift[int8](p)))
	case 2:
		return uint64(Lift[uint16](p))
	case -2:
		return uint64(uint32(Lift[int16](p)))
	case 4:
		return uint64(Lift[uint32](p))
	}
	return Lift[uint64](p)
}

func write(bytes int8, p uint32, v uint64) {
	switch bytes {
	case 1, -1:
		Lower(p, uint8(v))
	case 2, -2:
		Lower(p, uint16(v))
	case 4:
		Lower(p, uint32(v))
	default:
		Lower(p, v)
	}
}

// Bool is the core value of a bool.
func Bool(v bool) uint32 {
	if v {
		return 1
	}
	return 0
}

func F32(bits uint64) float32  { return math.Float32frombits(uint32(bits)) }
func F64(bits uint64) float64  { return math.Float64frombits(bits) }
func F32Bits(v float32) uint64 { return uint64(math.Float32bits(v)) }
func F64Bits(v float64) uint64 { return math.Float64bits(v) }
