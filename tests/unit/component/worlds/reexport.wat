(component
  (import "a:b/c" (instance $i (export "r" (type (sub resource))) (export "f" (func))))
  (alias export $i "r" (type $r)) (alias export $i "f" (func $f))
  (component $w
    (import "import-type-r" (type $r (sub resource)))
    (import "import-func-f" (func $f))
    (export "r" (type $r))
    (export "f" (func $f)))
  (instance $o (instantiate $w (with "import-type-r" (type $r)) (with "import-func-f" (func $f))))
  (export "x:y/z@0.1.0" (instance $o)))
