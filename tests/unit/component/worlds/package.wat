(component
  (type $types (component
    (export "my:pkg/types@1.0.0" (instance
      (type $r (record (field "a" u8)))
      (export "r" (type (eq $r)))
      (export "f" (func (param "x" u32)))))))
  (export "types" (type $types))
  (type $uses (component
    (type $it (instance (type $r (record (field "a" u8))) (export "r" (type (eq $r)))))
    (import "my:pkg/types@1.0.0" (instance $t (type $it)))
    (alias export $t "r" (type $r))
    (export "my:pkg/uses@1.0.0" (instance
      (alias outer 1 $r (type $r))
      (export "r" (type $rr (eq $r)))
      (export "g" (func (result $rr)))))))
  (export "uses" (type $uses))
  (type $world (component
    (export "my:pkg/app@1.0.0" (component
      (import "my:pkg/types@1.0.0" (instance (type $r (record (field "a" u8))) (export "r" (type (eq $r))) (export "f" (func (param "x" u32)))))
      (import "dep:x/y" (instance (export "h" (func))))
      (export "run" (func async))))))
  (export "app" (type $world))
  (@custom "package-docs" "\01{\"docs\":\"The package.\",\"worlds\":{\"app\":{\"docs\":\"The app.\",\"func_exports\":{\"run\":{\"docs\":\"Runs.\",\"stability\":{\"stable\":{\"since\":\"1.0.0\"}}}},\"interface_import_docs\":{\"my:pkg/types@1.0.0\":\"For types.\"}}},\"interfaces\":{\"types\":{\"docs\":\"Types.\\nMany.\",\"types\":{\"r\":{\"docs\":\"A record.\",\"items\":{\"a\":\"A byte.\"}}},\"funcs\":{\"f\":{\"stability\":{\"unstable\":{\"feature\":\"new\",\"deprecated\":\"1.2.0\"}}}}}}}"))
