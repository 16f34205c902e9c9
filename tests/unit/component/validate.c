/* What is valid and what is not, one rule a row. */
#include "decode_help.h"
#include "tap.h"

/* Pieces that many rows need. */
#define CORE                                                                                                                       \
    "(core module $m (memory (export \"mem\") 1) (memory (export \"big\") i64 1)"                                                  \
    " (func (export \"none\")) (func (export \"i\") (param i32)) (func (export \"r\") (result i32) unreachable)"                   \
    " (func (export \"ii\") (param i32 i32)) (func (export \"iiii-i\") (param i32 i32 i32 i32) (result i32) unreachable)"          \
    " (func (export \"iii-i\") (param i32 i32 i32) (result i32) unreachable))"                                                     \
    "(core instance $i (instantiate $m)) (alias core export $i \"mem\" (core memory $mem))"                                        \
    "(alias core export $i \"iiii-i\" (core func $realloc))"
#define RESOURCE "(type $r (resource (rep i32)))"

static const struct {
    const char *text, *message; /* NULL: valid */
} rows[] = {
    /* types */
    {"(component (type (record (field \"a\" u8) (field \"b\" string))))", NULL},
    {"(component (type (record)))", "record type must have at least one field"},
    {"(component (type (tuple)))", "tuple type must have at least one type"},
    {"(component (type (record (field \"a\" u8) (field \"A\" u8))))",
     "record field name `A` conflicts with previous field name `a`"},
    {"(component (type (enum \"a\" \"b\" \"B\")))", "enum tag name `B` conflicts"},
    {"(component (type (flags \"a-b\" \"A-b\")))", "flag name `A-b` conflicts"},
    {"(component (type (variant (case \"aB\"))))", "variant case name `aB` is not in kebab case"},
    {"(component (type (func (param \"\" u8))))", "function parameter name cannot be empty"},
    {"(component (type $f (func)) (type (list $f)))", "type index 0 is not a defined type"},
    {"(component (type (option 3)))", "unknown type 3: type index out of bounds"},
    {"(component (type (map string u8)) (type (map char (list u8))))", NULL},
    {"(component (type (map f32 u8)))", "map key"},
    {"(component (type (map (list u8) u8)))", "map key"},
    {"(component (type (stream char)))", "stream<char>"},
    {"(component (type (stream (list char))))", NULL},
    {"(component " RESOURCE "(type (future (borrow $r))))", "borrow"},
    {"(component " RESOURCE "(type (stream (option (borrow $r)))))", "borrow"},
    {"(component " RESOURCE "(type (func (result (list (borrow $r))))))", "function result cannot contain a `borrow` type"},
    {"(component " RESOURCE "(type (func (param \"a\" (list (borrow $r))) (result (own $r)))))", NULL},
    {"(component (type $t u8) (type (own $t)))", "type index 0 is not a resource type"},
    {"(component (type (instance (type (resource (rep i32))))))", "resources can only be defined within a concrete component"},
    {"(component " CORE "(type (resource (rep i32) (dtor (core func $i \"i\")))))", NULL},
    {"(component " CORE "(type (resource (rep i32) (dtor (core func $i \"ii\")))))", "wrong signature for a destructor"},
    {"(component (core type (module (export \"a\" (func)) (export \"a\" (func)))))", "export name `a` already defined"},
    {"(component (core type (module (import \"a\" \"b\" (func)) (import \"a\" \"b\" (func)))))", "duplicate import name `a:b`"},
    {"(component (core type (module (import \"\" \"\" (memory 65537)))))", "memory size must be at most"},
    {"(component (core type (module (type $t (struct)) (export \"a\" (func (type $t))))))", "not a function type"},
    {"(component (core module (import \"a\" \"b\" (func)) (import \"a\" \"b\" (func))))", "duplicate import name `a:b`"},

    /* core linking */
    {"(component (core module $a (import \"x\" \"f\" (func))) (core instance (instantiate $a)))",
     "missing module instantiation argument named `x`"},
    {"(component (core module $a (import \"x\" \"f\" (func))) (core module $b)"
     " (core instance $b (instantiate $b)) (core instance (instantiate $a (with \"x\" (instance $b)))))",
     "does not export an item named `f`"},
    {"(component " CORE "(core module $a (import \"x\" \"none\" (func (param i32))))"
     " (core instance (instantiate $a (with \"x\" (instance $i)))))",
     "type mismatch for export `none` of module instantiation argument `x`"},
    {"(component " CORE
     "(core module $a (import \"x\" \"mem\" (memory 2))) (core instance (instantiate $a (with \"x\" (instance $i)))))",
     "mismatch in memory limits"},
    {"(component " CORE
     "(core module $a (import \"x\" \"mem\" (global i32))) (core instance (instantiate $a (with \"x\" (instance $i)))))",
     "expected global, found memory"},
    {"(component (core module $a (global (export \"g\") i32 (i32.const 0)))"
     " (core module $b (import \"x\" \"g\" (global (mut i32)))) (core instance $a (instantiate $a))"
     " (core instance (instantiate $b (with \"x\" (instance $a)))))",
     "global types differ in mutability"},
    {"(component " CORE "(core instance (export \"a\" (func $realloc)) (export \"a\" (func $realloc))))",
     "export name `a` already defined"},
    {"(component " CORE "(alias core export $i \"nothing\" (core func)))", "core instance 0 has no export named `nothing`"},
    {"(component " CORE "(alias core export $i \"mem\" (core func)))", "export `mem` for core instance 0 is not a core function"},

    /* lift and lower */
    {"(component " CORE "(func (canon lift (core func $i \"none\"))))", NULL},
    {"(component " CORE "(func (param \"a\" u8) (canon lift (core func $i \"none\"))))",
     "lowered parameter types `[I32]` do not match parameter types `[]`"},
    {"(component " CORE "(func (canon lift (core func $i \"r\"))))", "lowered result types `[]` do not match result types `[I32]`"},
    {"(component " CORE "(func (param \"a\" string) (canon lift (core func $i \"ii\"))))", "canonical option `memory` is required"},
    {"(component " CORE "(func (param \"a\" string) (canon lift (core func $i \"ii\") (memory $mem))))",
     "canonical option `realloc` is required"},
    {"(component " CORE "(func (param \"a\" string) (canon lift (core func $i \"ii\") (memory $mem) (realloc $realloc))))", NULL},
    {"(component " CORE
     "(func (param \"a\" string) (canon lift (core func $i \"ii\") (memory $mem) (realloc (core func $i \"i\")))))",
     "canonical option `realloc` uses a core function with an incorrect signature"},
    {"(component " CORE
     "(func (result string) (canon lift (core func $i \"r\") (memory $mem) (post-return (core func $i \"i\")))))",
     NULL},
    {"(component " CORE
     "(func (result string) (canon lift (core func $i \"r\") (memory $mem) (post-return (core func $i \"ii\")))))",
     "canonical option `post-return` uses a core function with an incorrect signature"},
    {"(component " CORE "(func (canon lift (core func $i \"none\") (callback (core func $i \"iii-i\")))))",
     "cannot specify callback without async"},
    {"(component " CORE "(func async (canon lift (core func $i \"r\") async (callback (core func $i \"iii-i\")))))", NULL},
    {"(component " CORE "(func async (canon lift (core func $i \"r\") async (callback (core func $i \"i\")))))",
     "canonical option `callback` uses a core function with an incorrect signature"},
    {"(component " CORE "(func (canon lift (core func $i \"r\") async (callback (core func $i \"iii-i\")))))",
     "requires an async function type"},
    {"(component " CORE "(func async (canon lift (core func $i \"none\"))))", NULL},
    {"(component (import \"f\" (func $f (param \"a\" string))) (core func (canon lower (func $f))))",
     "canonical option `memory` is required"},
    {"(component " CORE "(import \"f\" (func $f (result string))) (core func (canon lower (func $f) (memory $mem))))",
     "canonical option `realloc` is required"},
    {"(component (import \"f\" (func $f)) (core func (canon lower (func $f) string-encoding=utf8 string-encoding=utf16)))",
     "canonical encoding option `utf8` conflicts with option `utf16`"},
    {"(component " CORE "(import \"f\" (func $f)) (core func (canon lower (func $f) (memory $mem) (memory $mem))))",
     "canonical option `memory` is specified more than once"},
    {"(component " CORE "(import \"f\" (func $f)) (core func (canon lower (func $f) (realloc $realloc))))",
     "canonical option `realloc` requires `memory`"},
    {"(component (import \"f\" (func $f)) (core func (canon lower (func $f) async)))", "requires an async function type"},
    {"(component (import \"f\" (func $f async)) (core func (canon lower (func $f) async)))", NULL},
    {"(component (import \"f\" (func $f async (result u8))) (core func (canon lower (func $f) async)))",
     "canonical option `memory` is required"},
    {"(component " CORE "(core func (canon task.return (result string) (memory $mem) (realloc $realloc))))",
     "cannot specify `realloc` option on `task.return`"},
    {"(component (core func (canon task.return (result string))))", "canonical option `memory` is required"},
    {"(component " RESOURCE "(core func (canon task.return (result (borrow $r)))))", "cannot contain a `borrow` type"},
    {"(component (core func (canon context.get i32 2)))", "immediate must be zero or one: 2"},
    {"(component (core func (canon context.get f32 0)))", "only supports `i32`"},
    {"(component (type $t (future)) (core func (canon stream.new $t)))", "`stream.new` requires a stream type"},
    {"(component (type $s (stream u8)) (core func (canon stream.write $s async)))", "canonical option `memory` is required"},
    {"(component (type $s (stream)) (core func (canon stream.write $s async)))", NULL},
    {"(component " CORE "(type $s (stream string)) (core func (canon stream.read $s async (memory $mem))))",
     "canonical option `realloc` is required"},
    {"(component (import \"r\" (type $r (sub resource))) (core func (canon resource.new $r)))", "is not a local resource"},
    {"(component (import \"r\" (type $r (sub resource))) (core func (canon resource.drop $r)))", NULL},
    {"(component (core func (canon waitable-set.wait (memory 0))))", "unknown core memory 0: memory index out of bounds"},

    /* names */
    {"(component (import \"a\" (func)) (import \"A\" (func)))", "import name `A` conflicts with previous name `a`"},
    {"(component (import \"a\" (func $f)) (export \"a\" (func $f)))", NULL},
    {"(component (import \"a:b/c\" (func)) (import \"a:b/c@1.0.0\" (func)))", NULL},
    {"(component (import \"a b\" (func)))", "is not a valid extern name"},
    {"(component (import \"r\" (type $r (sub resource))) (import \"[constructor]r\" (func (result (own $r)))))", NULL},
    {"(component (import \"r\" (type $r (sub resource))) (import \"[constructor]r\" (func (result (own $r)) )) "
     "(import \"[method]r.r\" (func (param \"self\" (borrow $r)))))",
     "conflicts with previous name `r`"},
    {"(component (import \"r\" (type $r (sub resource))) (import \"[constructor]s\" (func (result (own $r)))))",
     "does not match expected resource name `r`"},
    {"(component (import \"r\" (type $r (sub resource))) (import \"[constructor]r\" (func (result (option (own $r))))))",
     "should return `(own $T)`"},
    {"(component (import \"r\" (type $r (sub resource))) (import \"[constructor]r\" (func async (result (own $r)))))",
     "constructor function cannot be async"},
    {"(component (import \"r\" (type $r (sub resource))) (import \"[method]r.m\" (func (param \"this\" (borrow $r)))))",
     "first argument called `self`"},
    {"(component (import \"r\" (type $r (sub resource))) (import \"[method]r.m\" (func (param \"self\" (own $r)))))",
     "should take a first argument of `(borrow $T)`"},
    {"(component (import \"[static]r.m\" (func)))", "static resource name is not known"},
    {"(component (import \"[method]r.m\" (instance)))", "item is not a func"},
    {"(component (import \"a\" (implements \"x:y/z@1.0.0\") (instance)))", NULL},
    {"(component (import \"a\" (implements \"x:y/z\") (func)))", "only instances can have an `implements`"},
    {"(component (import \"a:b/c\" (implements \"x:y/z\") (instance)))", "is not valid with `implements`"},
    {"(component (import \"a\" (implements \"z\") (instance)))", "must be an interface"},
    {"(component (import \"a\" (external-id \"any thing\") (func)))", NULL},

    /* linking components */
    {"(component (component $c (import \"f\" (func))) (instance (instantiate $c)))", "missing import named `f`"},
    {"(component (component $c (import \"f\" (func))) (import \"g\" (func $g (param \"a\" u8)))"
     " (instance (instantiate $c (with \"f\" (func $g)))))",
     "type mismatch for import `f`: expected 0 parameters, found 1"},
    {"(component (component $c (import \"f\" (func))) (import \"g\" (func $g)) (import \"h\" (func $h))"
     " (instance (instantiate $c (with \"f\" (func $g)) (with \"extra\" (func $h)))))",
     NULL},
    {"(component (component $c (import \"f\" (func))) (import \"g\" (func $g))"
     " (instance (instantiate $c (with \"f\" (func $g)) (with \"f\" (func $g)))))",
     "conflicts with previous argument"},
    {"(component (component $c (import \"f\" (func async))) (import \"g\" (func $g)) (instance (instantiate $c (with \"f\" (func "
     "$g)))))",
     "expected async function, found sync function"},
    {"(component (component $c (import \"i\" (instance (export \"a\" (func)))))"
     " (import \"j\" (instance $j (export \"a\" (func)) (export \"b\" (func)))) (instance (instantiate $c (with \"i\" (instance "
     "$j)))))",
     NULL},
    {"(component (component $c (import \"i\" (instance (export \"a\" (func)) (export \"b\" (func)))))"
     " (import \"j\" (instance $j (export \"a\" (func)))) (instance (instantiate $c (with \"i\" (instance $j)))))",
     "missing expected instance export `b`"},
    {"(component (component $c (import \"f\" (func (param \"p\" (record (field \"a\" u8)))))))", "not valid to be used as import"},
    {"(component (component $c (import \"t\" (type (eq 0))) (type u8)))", "type index out of bounds"},
    {"(component (component $c (type $t (tuple u8 u16)) (import \"t\" (type (eq $t)))) (type $u (tuple u8 u8))"
     " (instance (instantiate $c (with \"t\" (type $u)))))",
     "type mismatch in tuple item 1: expected u16, found u8"},
    {"(component (component $c (import \"m\" (core module (export \"f\" (func)))))"
     " (core module $m (func (export \"f\")) (func (export \"g\"))) (instance (instantiate $c (with \"m\" (core module $m)))))",
     NULL},
    {"(component (component $c (import \"m\" (core module (export \"f\" (func)))))"
     " (core module $m (import \"x\" \"y\" (func)) (func (export \"f\"))) (instance (instantiate $c (with \"m\" (core module "
     "$m)))))",
     "missing expected import `x::y`"},
    {"(component (component $c (import \"d\" (component (import \"a\" (func)) (export \"b\" (func)))))"
     " (component $d (import \"a\" (func $a)) (export \"b\" (func $a)) (export \"c\" (func $a)))"
     " (instance (instantiate $c (with \"d\" (component $d)))))",
     NULL},
    {"(component (component $c (import \"d\" (component (export \"b\" (func)))))"
     " (component $d (import \"a\" (func $a)) (export \"b\" (func $a))) (instance (instantiate $c (with \"d\" (component $d)))))",
     "missing expected import `a`"},

    /* resources */
    {"(component (component $c (import \"a\" (type $a (sub resource))) (import \"b\" (type (eq $a))))" RESOURCE
     "(instance (instantiate $c (with \"a\" (type $r)) (with \"b\" (type $r)))))",
     NULL},
    {"(component (component $c (import \"a\" (type $a (sub resource))) (import \"b\" (type (eq $a))))" RESOURCE
     "(type $s (resource (rep i32))) (instance (instantiate $c (with \"a\" (type $r)) (with \"b\" (type $s)))))",
     "resource types are not the same"},
    {"(component (component $c (import \"a\" (type (sub resource)))) (type $t u8) (instance (instantiate $c (with \"a\" (type "
     "$t)))))",
     "expected resource, found defined type"},
    /* components that agree up to the names of their resources */
    {"(component (component $c (import \"d\" (component (export \"r\" (type $r (sub resource)))"
     " (export \"f\" (func (result (own $r)))))))"
     " (component $d " RESOURCE "(export $e \"r\" (type $r)) (core module $m (func (export \"f\") (result i32) unreachable))"
     " (core instance $i (instantiate $m)) (func $f (result (own $e)) (canon lift (core func $i \"f\"))) (export \"f\" (func $f)))"
     " (instance (instantiate $c (with \"d\" (component $d)))))",
     NULL},
    {"(component (component $c (import \"d\" (component (export \"r\" (type $r (sub resource))) (export \"s\" (type (sub "
     "resource)))"
     " (export \"f\" (func (param \"x\" (own $r)))))))"
     " (component $d " RESOURCE "(type $s (resource (rep i32))) (export $a \"r\" (type $r)) (export $b \"s\" (type $s))"
     " (core module $m (func (export \"f\") (param i32))) (core instance $i (instantiate $m))"
     " (func $f (param \"x\" (own $b)) (canon lift (core func $i \"f\"))) (export \"f\" (func $f)))"
     " (instance (instantiate $c (with \"d\" (component $d)))))",
     "resource types are not the same"},

    /* what is visible */
    {"(component (type $t (record (field \"a\" u8))) (export \"f\" (type $t)))", NULL},
    {"(component (type $t (record (field \"a\" u8))) (type $l (list $t)) (export \"l\" (type $l)))",
     "type not valid to be used as export"},
    {"(component (type $t (record (field \"a\" u8))) (export $e \"t\" (type $t)) (type $l (list $e)) (export \"l\" (type $l)))",
     NULL},
    {"(component " RESOURCE "(export \"r\" (type $r)) (type $h (own $r)) (export \"h\" (type $h)))",
     "type not valid to be used as export"},
    {"(component " RESOURCE "(export $e \"r\" (type $r)) (import \"f\" (func (param \"a\" (own $e)))))",
     "func not valid to be used as import"},
    {"(component (type (component (type $t (enum \"a\")) (export \"f\" (func (param \"p\" $t))))))",
     "func not valid to be used as export"},
    {"(component (type $i (instance (type $t (enum \"a\")) (export \"f\" (func (param \"p\" $t))))))", NULL},
    {"(component (type $i (instance (type $t (enum \"a\")) (export \"f\" (func (param \"p\" $t))))) (import \"i\" (instance (type "
     "$i))))",
     "instance not valid to be used as import"},
    {"(component (import \"i\" (instance $i (export \"a\" (func)))) (export \"j\" (instance $i) (instance)))", NULL},
    {"(component (import \"i\" (instance $i)) (export \"j\" (instance $i) (instance (export \"a\" (func)))))",
     "ascribed type of export is not compatible"},
    {"(component $a " RESOURCE "(component (alias outer $a $r (type))))", "cannot alias outer type"},
    {"(component $a " RESOURCE "(type (instance (alias outer $a $r (type $s)) (export \"s\" (type (eq $s))))))", NULL},
    {"(component (import \"i\" (instance $i)) (alias export $i \"x\" (func)))", "instance 0 has no export named `x`"},
    {"(component (import \"i\" (instance $i (export \"x\" (func)))) (alias export $i \"x\" (type)))",
     "export `x` for instance 0 is not a type"},
};

TEST(rules)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        autodecoded struct decoded d;
        decode_text(&d, rows[i].text, 0);
        bool as_wanted = rows[i].message ? d.status == ST_INVALID && error_has(&d.err, rows[i].message) : d.status == ST_OK;
        if (!as_wanted)
            tap_fail(__FILE__, __LINE__, "%s\n#   wanted: %s\n#   got: %s", rows[i].text,
                     rows[i].message ? rows[i].message : "valid", d.status == ST_OK ? "valid" : d.err.message);
    }
}

/* The message of a mismatch leads to it. */
TEST(mismatches_name_the_way)
{
    autodecoded struct decoded d;
    decode_text(
        &d,
        "(component (component $c (import \"i\" (instance (export \"in\" (instance (export \"f\""
        " (func (param \"p\" (list (tuple u8 string))))))))))"
        " (import \"j\" (instance $j (export \"in\" (instance (export \"f\" (func (param \"p\" (list (tuple u8 char)))))))))"
        " (instance (instantiate $c (with \"i\" (instance $j)))))",
        0);
    CHECK_EQ(d.status, ST_INVALID);
    CHECK(error_has(&d.err,
                    "type mismatch for import `i`: type mismatch in instance export `in`: type mismatch in instance export `f`: "
                    "type mismatch in function parameter `p`: "));
    CHECK(error_has(&d.err, "expected string, found char"));
}
