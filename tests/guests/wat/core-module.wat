;; A core module and no component: what `wash` must tell apart and refuse with a clear word.
(module
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))
