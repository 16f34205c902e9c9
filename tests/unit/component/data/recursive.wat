;; Two components that call each other: the inner one is given a function of the outer one, which calls it back through a table.
(component
  (core module $inner
    (table (export "t") 1 1 funcref)
    (type $v (func))
    (func (export "f") (call_indirect (type $v) (i32.const 0))))
  (core instance $inner (instantiate $inner))
  (func $f (canon lift (core func $inner "f")))
  (component $child
    (import "f" (func $f))
    (core func $lowered (canon lower (func $f)))
    (core module $m (import "" "f" (func $f)) (func (export "g") (call $f)))
    (core instance $m (instantiate $m (with "" (instance (export "f" (func $lowered))))))
    (func (export "g") (canon lift (core func $m "g"))))
  (instance $child (instantiate $child (with "f" (func $f))))
  (core func $g (canon lower (func $child "g")))
  (core module $fill (import "" "t" (table 1 1 funcref)) (import "" "g" (func $g)) (elem (i32.const 0) func $g))
  (core instance (instantiate $fill (with "" (instance (export "t" (table $inner "t")) (export "g" (func $g))))))
  (func (export "run") (canon lift (core func $inner "f"))))
