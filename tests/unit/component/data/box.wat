;; A component with a resource of its own, which the host may hold; the destructor adds up what ended.
(component
  (core module $dtors
    (memory (export "ended") 1)
    (func (export "dtor") (param i32) (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (local.get 0)))))
  (core instance $d (instantiate $dtors))
  (type $box (resource (rep i32) (dtor (core func $d "dtor"))))
  (core func $new (canon resource.new $box))
  (core func $rep (canon resource.rep $box))
  (core func $drop (canon resource.drop $box))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "rep" (func $rep (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (import "d" "ended" (memory 1))
    (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
    (func (export "look") (param i32) (result i32) (local.get 0))
    (func (export "take") (param i32) (result i32) (local $v i32)
      (local.set $v (call $rep (local.get 0))) (call $drop (local.get 0)) (local.get $v))
    (func (export "ended") (result i32) (i32.load (i32.const 0))))
  (core instance $m (instantiate $m
    (with "" (instance (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))
    (with "d" (instance $d))))
  (export $b "box" (type $box))
  (func (export "make") (param "value" u32) (result (own $b)) (canon lift (core func $m "make")))
  (func (export "look") (param "b" (borrow $b)) (result u32) (canon lift (core func $m "look")))
  (func (export "take") (param "b" (own $b)) (result u32) (canon lift (core func $m "take")))
  (func (export "ended") (result u32) (canon lift (core func $m "ended"))))
