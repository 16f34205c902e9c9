;; Wants a table of ten million elements from its first moment.
(component
  (core module $code
    (table (export "table") 10000000 funcref)
    (func (export "size") (result i32) (table.size 0)))
  (core instance $code (instantiate $code))
  (func (export "size") (result u32) (canon lift (core func $code "size"))))
