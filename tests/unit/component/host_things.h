/* A host interface written by hand, with one function for each way that values cross: what `wash bindgen --host` generates, so to
 * say. "test:host/things@0.2.5":
 *   record point { x: s32, y: s32, label: string }
 *   resource counter { constructor(start: u32); add: func(by: u32) -> u32; merge: static func(a: counter, b: counter) -> counter }
 *   greet: func(name: string) -> string           reverse: func(bytes: list<u8>) -> list<u8>
 *   shift: func(p: point, by: s32) -> point       sum: func(values: list<u16>) -> u64
 *   halve: func(n: option<u32>) -> result<u32, string>
 *   fail: func(message: string)                   pause: func() -> u32 */
#pragma once

#include "component/host.h"

struct things {                 /* the env of the interface */
    unsigned counters, dropped; /* alive; ended */
    enum status (*pause)(struct things *things, struct cm_call *call, uint32_t *ret);
    void *data;
};

extern const struct cm_interface_desc things_interface;
extern const struct cm_resource_desc things_counter;
extern const struct cm_type_desc things_string, things_point, things_own_counter, things_u32;

struct counter {
    struct things *things;
    uint32_t value;
};
