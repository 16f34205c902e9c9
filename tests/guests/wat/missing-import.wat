;; Imports an instance that nobody offers: the message must name it and say what would satisfy it.
(component
  (import "acme:store/shelf@1.2.0" (instance $shelf
    (export "get" (func (param "key" string) (result (option string))))))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $m))
  (alias core export $memory "realloc" (core func $realloc))
  (alias export $shelf "get" (func $get))
  (core func $get (canon lower (func $get) (memory $m) (realloc $realloc)))
  (core module $code
    (import "shelf" "get" (func $get (param i32 i32 i32)))
    (func (export "run") (call $get (i32.const 0) (i32.const 0) (i32.const 32))))
  (core instance $code (instantiate $code (with "shelf" (instance (export "get" (func $get))))))
  (func (export "run") (canon lift (core func $code "run"))))
