;; A component in a component: the inner one is instantiated twice, and each instance counts for itself.
(component
  (component $counter
    (core module $code
      (global $count (mut i32) (i32.const 0))
      (func (export "next") (result i32)
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (global.get $count)))
    (core instance $code (instantiate $code))
    (func (export "next") (result u32) (canon lift (core func $code "next"))))
  (instance $left (instantiate $counter))
  (instance $right (instantiate $counter))
  (export "left" (func $left "next"))
  (export "right" (func $right "next")))
