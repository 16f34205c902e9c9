;; Traps while it is instantiated: in the start function of its core module.
(component
  (core module $code
    (func $start unreachable)
    (start $start)
    (func (export "run")))
  (core instance $code (instantiate $code))
  (func (export "run") (canon lift (core func $code "run"))))
