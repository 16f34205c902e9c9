;; Every form that the runner knows, each of them holding.
(component $adder
  (core module $m (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
  (core instance $m (instantiate $m))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $m "add"))))
(assert_return (invoke "add" (u32.const 1) (u32.const 0x2)) (u32.const 3))
(assert_return (invoke $adder "add" (u32.const 4_000_000_000) (u32.const 1)) (u32.const 4000000001))
(invoke "add" (u32.const 1) (u32.const 1))

;; An instance whose functions the next component imports.
(register "adder" $adder)
(component
  (import "adder" (instance $a (export "add" (func (param "a" u32) (param "b" u32) (result u32)))))
  (core func $add (canon lower (func $a "add")))
  (core module $m
    (import "" "add" (func $add (param i32 i32) (result i32)))
    (func (export "double") (param i32) (result i32) (call $add (local.get 0) (local.get 0))))
  (core instance $m (instantiate $m (with "" (instance (export "add" (func $add))))))
  (func (export "double") (param "n" u32) (result u32) (canon lift (core func $m "double"))))
(assert_return (invoke "double" (u32.const 21)) (u32.const 42))
(assert_return (invoke $adder "add" (u32.const 2) (u32.const 2)) (u32.const 4))

(component definition $counter
  (core module $m
    (global $g (mut i32) (i32.const 0))
    (func (export "next") (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g))
    (func (export "trap") unreachable)
    (func $deep (export "deep") (call $deep))
    (func (export "nan") (result f32) (f32.const nan)))
  (core instance $m (instantiate $m))
  (func (export "next") (result u32) (canon lift (core func $m "next")))
  (func (export "trap") (canon lift (core func $m "trap")))
  (func (export "deep") (canon lift (core func $m "deep")))
  (func (export "nan") (result f32) (canon lift (core func $m "nan"))))
(component instance $a $counter)
(component instance $b $counter)
(assert_return (invoke $a "next") (u32.const 1))
(assert_return (invoke $a "next") (u32.const 2))
(assert_return (invoke $b "next") (u32.const 1))
(assert_return (invoke "nan") (f32.const nan:canonical))
(assert_return (invoke "nan") (f32.const nan:arithmetic))
(assert_trap (invoke $a "trap") "unreachable")
(assert_trap (invoke $a "next") "cannot enter component instance")
(assert_exhaustion (invoke $b "deep") "call stack exhausted")
(assert_trap (component (core module $m (func $f unreachable) (start $f)) (core instance (instantiate $m))) "unreachable")

(component binary "\00asm" "\0d\00\01\00")
(component quote "(core module)")
(assert_invalid (component (core module (func (result i32)))) "type mismatch")
(assert_invalid (component quote "(alias outer 5 0 (type))") "")
(assert_malformed (component binary "\00asm\0d\00\01\00\63") "")
(assert_malformed (component quote "(nonsense)") "")
(assert_unlinkable (component (import "nobody" (instance (export "f" (func))))) "")
