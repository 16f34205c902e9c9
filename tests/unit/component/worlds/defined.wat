(component
  (core module $m (func (export "new") (result i32) unreachable) (func (export "dtor") (param i32)))
  (core instance $i (instantiate $m))
  (type $r (resource (rep i32) (dtor (core func $i "dtor"))))
  (func $new (result (own $r)) (canon lift (core func $i "new")))
  (component $w
    (import "import-type-r" (type $r (sub resource)))
    (import "import-constructor" (func $f (result (own $r))))
    (export $e "r" (type $r))
    (export "[constructor]r" (func $f) (func (result (own $e)))))
  (instance $o (instantiate $w (with "import-type-r" (type $r)) (with "import-constructor" (func $new))))
  (export "x:y/z" (instance $o)))
