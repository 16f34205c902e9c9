// Every kind of type, both ways: what an export is given goes through the import of the same name and comes back.
// unit/component/c_guest.c is the other side, for guests in C as well.
package main

import (
	"errors"
	"strconv"
	_ "unsafe" // for go:linkname

	"guest/go-types/gen/ctypes"
	"guest/go-types/gen/ctypes/plain"
	"guest/go-types/gen/export/ctypes/plaintoo"
	export "guest/go-types/gen/export/test/c-types/echo"
	"guest/go-types/gen/export/test/c-types/guest"
	"guest/go-types/gen/test/c-types/echo"
	"guest/go-types/gen/test/c-types/host"
	"guest/go-types/gen/wit"
)

func init() {
	do := &export.Exports
	do.Nothing = echo.Nothing
	do.ABool = echo.ABool
	do.AS8 = echo.AS8
	do.AU8 = echo.AU8
	do.AS16 = echo.AS16
	do.AU16 = echo.AU16
	do.AS32 = echo.AS32
	do.AU32 = echo.AU32
	do.AS64 = echo.AS64
	do.AU64 = echo.AU64
	do.AF32 = echo.AF32
	do.AF64 = echo.AF64
	do.AChar = echo.AChar
	do.AString = echo.AString
	do.AnEnum = echo.AnEnum
	do.AWideEnum = echo.AWideEnum
	do.FewFlags = echo.FewFlags
	do.MoreFlags = echo.MoreFlags
	do.MostFlags = echo.MostFlags
	do.ARecord = echo.ARecord
	do.ASmallRecord = echo.ASmallRecord
	do.ANestedRecord = echo.ANestedRecord
	do.AVariant = echo.AVariant
	do.ABareVariant = echo.ABareVariant
	do.AMixedVariant = echo.AMixedVariant
	do.ATuple = echo.ATuple
	do.ASmallTuple = echo.ASmallTuple
	do.ALargeTuple = echo.ALargeTuple
	do.NamedBytes = echo.NamedBytes
	do.NamedPair = echo.NamedPair
	do.NamedResult = echo.NamedResult
	do.NamedOption = echo.NamedOption
	do.ListU8 = echo.ListU8
	do.ListBool = echo.ListBool
	do.ListChar = echo.ListChar
	do.ListString = echo.ListString
	do.ListFlags = echo.ListFlags
	do.ListEnum = echo.ListEnum
	do.ListList = echo.ListList
	do.ListListString = echo.ListListString
	do.ListRecord = echo.ListRecord
	do.ListVariant = echo.ListVariant
	do.ListTuple = echo.ListTuple
	do.ListOption = echo.ListOption
	do.ListResult = echo.ListResult
	do.OptionU8 = echo.OptionU8
	do.OptionString = echo.OptionString
	do.OptionOption = echo.OptionOption
	do.OptionRecord = echo.OptionRecord
	do.OptionResult = echo.OptionResult
	do.OptionList = echo.OptionList
	do.AResult = echo.AResult
	do.ResultOk = echo.ResultOk
	do.ResultErr = echo.ResultErr
	do.ResultBoth = echo.ResultBoth
	do.ResultOption = echo.ResultOption
	do.ResultResult = echo.ResultResult
	do.Several = echo.Several
	do.Sixteen = echo.Sixteen
	do.Seventeen = echo.Seventeen
	do.ManyToOne = echo.ManyToOne
	do.Reserved = echo.Reserved

	ctypes.Exports.WorldShape = ctypes.Free
	plaintoo.Exports.Ping = plain.Ping
}

// --- a resource of the guest's ---

var counters uint32

type counter struct{ value uint32 }

func newCounter(start uint32) guest.CounterThing {
	counters++
	return &counter{start}
}

func (c *counter) Add(by uint32) uint32 {
	c.value += by
	return c.value
}

func (c *counter) Drop() { counters-- }

func parse(text string) (guest.CounterThing, error) {
	value, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return nil, errors.New(text)
	}
	return newCounter(uint32(value)), nil
}

func merge(a, b guest.CounterThing) guest.CounterThing {
	a.Add(b.Add(0))
	b.(*counter).Drop()
	return a
}

func sum(all []guest.CounterThing) (sum uint32) {
	for _, c := range all {
		sum += c.Add(0)
	}
	return sum
}

func twice(a guest.Also) wit.Tuple2[guest.Also, uint32] {
	return wit.Tuple2[guest.Also, uint32]{F0: a, F1: a.Add(a.Add(0))}
}

// Calls that use the arena: none is left when one ends but for the one that asks.
//
//go:linkname calls guest/go-types/gen/wit.calls
var calls int

func init() {
	guest.Exports.NewCounterThing = newCounter
	guest.Exports.CounterThingParse = parse
	guest.Exports.CounterThingMerge = merge
	guest.Exports.CounterThingSum = sum
	guest.Exports.Twice = twice
	guest.Exports.Counters = func() uint32 { return counters }
	guest.Exports.Allocations = func() uint32 { return uint32(calls) }
}

// --- a resource of the host's ---

func makeBox(name string) host.Box {
	thing := host.NewThing(name)
	if err := thing.Rename(wit.Some("changed")); err != nil {
		panic(err)
	}
	note, ok := wit.Failure[string](thing.Rename(nil))
	if !ok {
		panic("a thing was renamed to nothing")
	}
	return host.Box{It: thing, Note: note}
}

func join(a, b *host.Thing) (*host.Thing, error) {
	if b.Name() == "" {
		a.Drop()
		return nil, errors.New("a thing without a name")
	}
	return host.ThingJoin(a, b), nil
}

func names(all []*host.Thing) []string {
	names := make([]string, host.Look(all))
	for i, thing := range all {
		names[i] = thing.Name()
	}
	return names
}

func pass(all []*host.Thing, fail bool) ([]*host.Thing, error) {
	all = host.Pass(all)
	if fail {
		return nil, wit.Fail(wit.Tuple2[[]*host.Thing, string]{F0: all, F1: "as asked"})
	}
	return all, nil
}

func init() {
	guest.Exports.Make = makeBox
	guest.Exports.Unbox = func(b host.Box) *host.Thing { return b.It }
	guest.Exports.Join = join
	guest.Exports.Names = names
	guest.Exports.Pass = pass
}

func main() {}
