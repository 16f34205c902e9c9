;; Wants a gibibyte of memory from its first moment: over the limit of any instance with default settings.
(component
  (core module $code
    (memory (export "memory") 16384)
    (func (export "size") (result i32) (memory.size)))
  (core instance $code (instantiate $code))
  (func (export "size") (result u32) (canon lift (core func $code "size"))))
