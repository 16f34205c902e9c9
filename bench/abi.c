/* Nanoseconds of a host call through the canonical ABI, beside the raw core host call it is built on.
 *
 * A guest's export runs a loop of n calls of one import; printed is the best of a few rounds, per call, and the difference to the
 * raw core call: a host function of the engine with two i32 and no Component Model. The last rows call exports and between guests.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "component/component.h"

#include <stdio.h>

#define ROUNDS 5
#define ROUND_NS 40000000u
#define BIG 65536

/* --- the host's interface ----------------------------------------------------------------------------------------------------- */

struct counter {
    uint64_t value;
};
struct point {
    double x, y;
    struct str name;
    uint32_t kind;
};
struct bytes {
    const uint8_t *items;
    size_t len;
};
struct read_result {
    bool is_err;
    union {
        struct bytes ok;
        struct {
            uint32_t tag;
            union {
                uint32_t failed;
            } of;
        } err;
    } of;
};

static const struct cm_type_desc u32_desc = {.kind = CM_U32, .size = 4, .align = 4};
static const struct cm_type_desc u64_desc = {.kind = CM_U64, .size = 8, .align = 8};
static const struct cm_type_desc u8_desc = {.kind = CM_U8, .size = 1, .align = 1};
static const struct cm_type_desc f64_desc = {.kind = CM_F64, .size = 8, .align = 8};
static const struct cm_type_desc string_desc = {.kind = CM_STRING, .size = 16, .align = 8};
static const struct cm_type_desc bytes_desc = {.kind = CM_LIST, .size = 16, .align = 8, .element = &u8_desc, .item_size = 1};
static const struct cm_field_desc kind_cases[] = {{"a", NULL, 0}, {"b", NULL, 0}};
static const struct cm_type_desc kind_desc = {.kind = CM_ENUM, .size = 4, .align = 4, .count = 2, .fields = kind_cases};
static const struct cm_field_desc point_fields[] = {{"x", &f64_desc, offsetof(struct point, x)},
                                                    {"y", &f64_desc, offsetof(struct point, y)},
                                                    {"name", &string_desc, offsetof(struct point, name)},
                                                    {"kind", &kind_desc, offsetof(struct point, kind)}};
static const struct cm_type_desc point_desc = {
    .kind = CM_RECORD, .size = sizeof(struct point), .align = 8, .count = 4, .fields = point_fields};
static const struct cm_field_desc error_cases[] = {{"failed", &u32_desc, 0}, {"closed", NULL, 0}};
static const struct cm_type_desc error_desc = {
    .kind = CM_VARIANT, .size = 8, .align = 4, .count = 2, .fields = error_cases, .offset = 4};
static const struct cm_type_desc read_desc = {.kind = CM_RESULT,
                                              .size = sizeof(struct read_result),
                                              .align = 8,
                                              .offset = offsetof(struct read_result, of),
                                              .element = &bytes_desc,
                                              .second = &error_desc};

static enum status counter_drop(struct cm_call *call, void *object)
{
    (void)call, (void)object;
    return ST_OK;
}
static const struct cm_interface_desc host_interface;
static const struct cm_resource_desc counter_resource = {.name = "counter", .interface = &host_interface, .drop = counter_drop};
static const struct cm_type_desc own_desc = {.kind = CM_OWN, .size = 8, .align = 8, .resource = &counter_resource};
static const struct cm_type_desc borrow_desc = {.kind = CM_BORROW, .size = 8, .align = 8, .resource = &counter_resource};

static uint8_t big[BIG];
static uint64_t seen; /* so that nothing is optimised away */

static enum status nothing_invoke(struct cm_call *call, const void *args, void *ret)
{
    (void)call, (void)args, (void)ret;
    return ST_OK;
}

static enum status add_invoke(struct cm_call *call, const void *args, void *ret)
{
    const uint32_t *two = args;
    (void)call;
    *(uint32_t *)ret = two[0] + two[1];
    return ST_OK;
}

static enum status text_invoke(struct cm_call *call, const void *args, void *ret)
{
    (void)call, (void)ret;
    seen += ((const struct str *)args)->len;
    return ST_OK;
}

static enum status name_invoke(struct cm_call *call, const void *args, void *ret)
{
    (void)call, (void)args;
    *(struct str *)ret = STR("sixteen bytes...");
    return ST_OK;
}

static enum status point_invoke(struct cm_call *call, const void *args, void *ret)
{
    (void)call, (void)ret;
    seen += ((const struct point *)args)->kind;
    return ST_OK;
}

static enum status read_invoke(struct cm_call *call, const void *args, void *ret)
{
    (void)call;
    *(struct read_result *)ret = (struct read_result){.of.ok = {big, *(const uint32_t *)args}};
    return ST_OK;
}

static enum status new_invoke(struct cm_call *call, const void *args, void *ret)
{
    static struct counter counter;
    (void)call, (void)args;
    *(struct counter **)ret = &counter;
    return ST_OK;
}

static enum status get_invoke(struct cm_call *call, const void *args, void *ret)
{
    (void)call;
    *(uint64_t *)ret = (*(struct counter *const *)args)->value++;
    return ST_OK;
}

static const struct cm_field_desc add_params[] = {{"a", &u32_desc, 0}, {"b", &u32_desc, 4}};
static const struct cm_field_desc text_params[] = {{"s", &string_desc, 0}};
static const struct cm_field_desc point_params[] = {{"p", &point_desc, 0}};
static const struct cm_field_desc bytes_params[] = {{"b", &bytes_desc, 0}};
static const struct cm_field_desc read_params[] = {{"len", &u32_desc, 0}};
static const struct cm_field_desc get_params[] = {{"self", &borrow_desc, 0}};
static const struct cm_func_desc host_funcs[] = {
    {.name = "nothing", .invoke = nothing_invoke},
    {.name = "add", .param_count = 2, .params = add_params, .args_size = 8, .result = &u32_desc, .invoke = add_invoke},
    {.name = "text", .param_count = 1, .params = text_params, .args_size = 16, .invoke = text_invoke},
    {.name = "name", .result = &string_desc, .invoke = name_invoke},
    {.name = "point", .param_count = 1, .params = point_params, .args_size = sizeof(struct point), .invoke = point_invoke},
    {.name = "bytes", .param_count = 1, .params = bytes_params, .args_size = 16, .invoke = text_invoke},
    {.name = "read", .param_count = 1, .params = read_params, .args_size = 4, .result = &read_desc, .invoke = read_invoke},
    {.name = "[constructor]counter", .result = &own_desc, .invoke = new_invoke},
    {.name = "[method]counter.get",
     .param_count = 1,
     .params = get_params,
     .args_size = 8,
     .result = &u64_desc,
     .invoke = get_invoke},
};
static const struct cm_named_type_desc host_types[] = {
    {"kind", &kind_desc, NULL}, {"spot", &point_desc, NULL}, {"failure", &error_desc, NULL}, {"counter", NULL, &counter_resource}};
static const struct cm_interface_desc host_interface = {.name = "bench:abi/host",
                                                        .func_count = sizeof host_funcs / sizeof *host_funcs,
                                                        .funcs = host_funcs,
                                                        .type_count = sizeof host_types / sizeof *host_types,
                                                        .types = host_types};

/* --- the guest ---------------------------------------------------------------------------------------------------------------- */

/* Each row: what is printed, and what its loop does. Memory: text at 1024, results at 64; realloc always answers 131072. */
static const struct {
    const char *name, *label, *body;
} loops[] = {
    {"nothing", "no arguments, no result", "call $nothing"},
    {"add", "two u32 -> u32", "i32.const 1 i32.const 2 call $add drop"},
    {"text", "string of 16 bytes", "i32.const 1024 i32.const 16 call $text"},
    {"long-text", "string of 4 KiB", "i32.const 1024 i32.const 4096 call $text"},
    {"name", "-> string of 16 bytes", "i32.const 64 call $name"},
    {"point", "record of two f64, string, enum", "f64.const 1 f64.const 2 i32.const 1024 i32.const 16 i32.const 1 call $point"},
    {"bytes", "list<u8> of 64 KiB", "i32.const 0 i32.const 65536 call $bytes"},
    {"short-read", "u32 -> result<list<u8>, variant>, 16 bytes", "i32.const 16 i32.const 64 call $read"},
    {"read", "u32 -> result<list<u8>, variant>, 64 KiB", "i32.const 65536 i32.const 64 call $read"},
    {"get", "method: borrow -> u64", "global.get $counter call $get drop"},
    {"new", "resource: new and drop", "call $new call $drop"},
    {"other", "another guest: two u32 -> u32", "i32.const 1 i32.const 2 call $other drop"},
    {"other-text", "another guest: string of 16 bytes", "i32.const 1024 i32.const 16 call $other-text"},
    {"other-bytes", "another guest: list<u8> of 64 KiB", "i32.const 0 i32.const 65536 call $other-bytes"},
};

static const char head[] =
    "(component\n"
    "(import \"bench:abi/host\" (instance $host\n"
    "  (export \"counter\" (type $counter (sub resource)))\n"
    "  (type $kind (enum \"a\" \"b\")) (export \"kind\" (type $kind' (eq $kind)))\n"
    "  (type $point (record (field \"x\" f64) (field \"y\" f64) (field \"name\" string) (field \"kind\" $kind')))\n"
    "  (export \"spot\" (type $point' (eq $point)))\n"
    "  (type $failure (variant (case \"failed\" u32) (case \"closed\"))) (export \"failure\" (type $failure' (eq $failure)))\n"
    "  (type $bytes (list u8)) (type $read (result $bytes (error $failure')))\n"
    "  (type $own (own $counter)) (type $borrow (borrow $counter))\n"
    "  (export \"nothing\" (func)) (export \"add\" (func (param \"a\" u32) (param \"b\" u32) (result u32)))\n"
    "  (export \"text\" (func (param \"s\" string))) (export \"name\" (func (result string)))\n"
    "  (export \"point\" (func (param \"p\" $point'))) (export \"bytes\" (func (param \"b\" $bytes)))\n"
    "  (export \"read\" (func (param \"len\" u32) (result $read)))\n"
    "  (export \"[constructor]counter\" (func (result $own)))\n"
    "  (export \"[method]counter.get\" (func (param \"self\" $borrow) (result u64)))))\n"
    "(component $Other\n"
    "  (core module $M (memory (export \"memory\") 4)\n"
    "    (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) i32.const 131072)\n"
    "    (func (export \"add\") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)\n"
    "    (func (export \"take\") (param i32 i32)))\n"
    "  (core instance $m (instantiate $M)) (alias core export $m \"memory\" (core memory $memory))\n"
    "  (alias core export $m \"realloc\" (core func $realloc))\n"
    "  (func (export \"add\") (param \"a\" u32) (param \"b\" u32) (result u32) (canon lift (core func $m \"add\")))\n"
    "  (func (export \"text\") (param \"s\" string)\n"
    "    (canon lift (core func $m \"take\") (memory (core memory $memory)) (realloc (core func $realloc))))\n"
    "  (func (export \"bytes\") (param \"b\" (list u8))\n"
    "    (canon lift (core func $m \"take\") (memory (core memory $memory)) (realloc (core func $realloc)))))\n"
    "(instance $other (instantiate $Other))\n"
    "(core module $Libc (memory (export \"memory\") 4) (data (i32.const 1024) \"sixteen bytes...\")\n"
    "  (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) i32.const 131072))\n"
    "(core instance $libc (instantiate $Libc)) (alias core export $libc \"memory\" (core memory $memory))\n"
    "(alias core export $libc \"realloc\" (core func $realloc)) (alias export $host \"counter\" (type $counter))\n"
    "(core func $nothing (canon lower (func $host \"nothing\"))) (core func $add (canon lower (func $host \"add\")))\n"
    "(core func $text (canon lower (func $host \"text\") (memory (core memory $memory))))\n"
    "(core func $name (canon lower (func $host \"name\") (memory (core memory $memory)) (realloc (core func $realloc))))\n"
    "(core func $point (canon lower (func $host \"point\") (memory (core memory $memory))))\n"
    "(core func $bytes (canon lower (func $host \"bytes\") (memory (core memory $memory))))\n"
    "(core func $read (canon lower (func $host \"read\") (memory (core memory $memory)) (realloc (core func $realloc))))\n"
    "(core func $new (canon lower (func $host \"[constructor]counter\")))\n"
    "(core func $get (canon lower (func $host \"[method]counter.get\")))\n"
    "(core func $drop (canon resource.drop $counter))\n"
    "(core func $other (canon lower (func $other \"add\")))\n"
    "(core func $other-text (canon lower (func $other \"text\") (memory (core memory $memory))))\n"
    "(core func $other-bytes (canon lower (func $other \"bytes\") (memory (core memory $memory))))\n"
    "(core module $Main (import \"\" \"nothing\" (func $nothing)) (import \"\" \"add\" (func $add (param i32 i32) (result i32)))\n"
    "  (import \"\" \"text\" (func $text (param i32 i32))) (import \"\" \"name\" (func $name (param i32)))\n"
    "  (import \"\" \"point\" (func $point (param f64 f64 i32 i32 i32))) (import \"\" \"bytes\" (func $bytes (param i32 i32)))\n"
    "  (import \"\" \"read\" (func $read (param i32 i32))) (import \"\" \"new\" (func $new (result i32)))\n"
    "  (import \"\" \"get\" (func $get (param i32) (result i64))) (import \"\" \"drop\" (func $drop (param i32)))\n"
    "  (import \"\" \"other\" (func $other (param i32 i32) (result i32)))\n"
    "  (import \"\" \"other-text\" (func $other-text (param i32 i32)))\n"
    "  (import \"\" \"other-bytes\" (func $other-bytes (param i32 i32)))\n"
    "  (global $counter (mut i32) (i32.const 0))\n";

static const char instantiate[] =
    "(core instance $main (instantiate $Main (with \"\" (instance (export \"nothing\" (func $nothing)) (export \"add\" (func "
    "$add))\n"
    "  (export \"text\" (func $text)) (export \"name\" (func $name)) (export \"point\" (func $point)) (export \"bytes\" (func "
    "$bytes))\n"
    "  (export \"read\" (func $read)) (export \"new\" (func $new)) (export \"get\" (func $get)) (export \"drop\" (func $drop))\n"
    "  (export \"other\" (func $other)) (export \"other-text\" (func $other-text))\n"
    "  (export \"other-bytes\" (func $other-bytes))))))\n";

#define LOOP_FORMAT                                                                                                                \
    "(func (export \"%s\") (param $n i32)\n%s  (loop $again %s (local.set $n (i32.sub (local.get $n) (i32.const 1)))\n"            \
    "    (br_if $again (local.get $n))))\n"
#define LOOP_COUNT (sizeof loops / sizeof *loops)

static void write_component(struct buf *out)
{
    buf_add(out, str_of(head));
    for (size_t i = 0; i < LOOP_COUNT; i++)
        buf_addf(out, LOOP_FORMAT, loops[i].name,
                 str_is(str_of(loops[i].name), "get")
                     ? "  (if (i32.eqz (global.get $counter)) (then (global.set $counter (call $new))))\n"
                     : "",
                 loops[i].body);
    buf_addf(out, ")\n%s", instantiate);
    for (size_t i = 0; i < LOOP_COUNT; i++)
        buf_addf(out, "(func (export \"%s\") (param \"n\" u32) (canon lift (core func $main \"%s\")))\n", loops[i].name,
                 loops[i].name);
    buf_addf(out, ")\n");
}

/* --- measuring ---------------------------------------------------------------------------------------------------------------- */

typedef enum status (*run_fn)(void *env, uint32_t calls, struct error *err);

/* The best of a few rounds, in ns a call. */
static enum status measure(run_fn run, void *env, double *ret_ns, struct error *err)
{
    uint32_t calls = 16;
    double best = 0;
    for (unsigned round = 0; round < ROUNDS;) {
        uint64_t start = clock_thread_cpu();
        TRY(run(env, calls, err));
        uint64_t took = clock_thread_cpu() - start;
        if (took < ROUND_NS && calls < 1u << 30) {
            calls *= 2;
            continue;
        }
        double each = (double)took / calls;
        best = round++ == 0 || each < best ? each : best;
    }
    *ret_ns = best;
    return ST_OK;
}

static const char raw_text[] = "(module (import \"\" \"add\" (func $add (param i32 i32) (result i32)))\n"
                               "(func (export \"run\") (param $n i32)\n"
                               "  (loop $again (drop (call $add (i32.const 1) (i32.const 2)))\n"
                               "    (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $again (local.get $n)))))";

struct raw_run {
    struct engine_store *store;
    struct engine_func func;
};

static enum status raw_add(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    (void)env, (void)store, (void)count;
    raw[0].u32 += raw[1].u32;
    return ST_OK;
}

static enum status run_raw(void *env, uint32_t calls, struct error *err)
{
    struct raw_run *run = env;
    union engine_raw raw = {.u32 = calls};
    return engine_call(run->store, &run->func, &raw, 1, err);
}

static enum status measure_raw(struct engine *engine, double *ret_ns, struct error *err)
{
    static const uint8_t types[] = {ENGINE_I32, ENGINE_I32};
    const struct engine_host_func func = {.fn = raw_add, .type = {types, types, 2, 1}};
    autobuf struct buf binary = BUF_INIT(1 << 20);
    struct engine_module *module;
    struct engine_pre *pre;
    struct engine_instance instance;
    struct engine_extern run;
    struct raw_run raw;
    TRY(engine_wat2wasm(str_of(raw_text), &binary, err));
    TRY(engine_module_new(engine, buf_str(&binary), &module, err));
    TRY(engine_pre_new(engine, module, &func, 1, &pre, err));
    TRY(engine_store_new(engine, NULL, NULL, &raw.store, err));
    TRY(engine_pre_instantiate(pre, raw.store, &instance, err));
    if (!engine_instance_export(raw.store, &instance, 0, &run))
        return fail(err, ST_INTERNAL, "the raw module has no export");
    raw.func = run.func;
    TRY(measure(run_raw, &raw, ret_ns, err));
    engine_store_free(raw.store);
    engine_pre_free(pre);
    engine_module_free(module);
    return ST_OK;
}

struct export_run {
    struct cm_instance *instance;
    const struct cm_export *export;
    bool one_by_one; /* each call from the host, in place of one with a loop inside */
};

static enum status run_export(void *env, uint32_t calls, struct error *err)
{
    const struct export_run *run = env;
    if (!run->one_by_one)
        return cm_call_export(run->instance, run->export, &calls, NULL, err);
    const uint32_t once = 1;
    for (uint32_t i = 0; i < calls; i++)
        TRY(cm_call_export(run->instance, run->export, &once, NULL, err));
    return ST_OK;
}

static void print_row(const char *label, double ns, double raw_ns)
{
    printf("%-46s %9.1f ns %+9.1f\n", label, ns, ns - raw_ns);
}

static enum status measure_all(struct cm_linked *linked, const char *only, double raw_ns, struct error *err)
{
    static const struct cm_field_desc params[] = {{"n", &u32_desc, 0}};
    struct export_run run = {.one_by_one = false};
    double ns;
    TRY(cm_instantiate(linked, NULL, &run.instance, err));
    print_row("raw core call: two i32 -> i32", raw_ns, raw_ns);
    for (size_t i = 0; i < LOOP_COUNT; i++) {
        if (only && strcmp(only, loops[i].name) != 0)
            continue;
        struct cm_func_desc desc = {.name = loops[i].name, .param_count = 1, .params = params, .args_size = 4};
        TRY(cm_export_find(linked, NULL, &desc, &run.export, err));
        TRY(measure(run_export, &run, &ns, err));
        print_row(loops[i].label, ns, raw_ns);
        if (i == 0) {
            double empty = ns;
            run.one_by_one = true;
            TRY(measure(run_export, &run, &ns, err));
            run.one_by_one = false;
            print_row("an export called by the host: u32", ns - empty, raw_ns);
        }
    }
    cm_instance_free(run.instance);
    return ST_OK;
}

static enum status bench(struct engine *engine, const char *only, struct error *err)
{
    autobuf struct buf text = BUF_INIT(1 << 20), binary = BUF_INIT(1 << 20);
    struct cm_load_options options = {.gates = 0};
    struct cm_component *component;
    struct cm_linker *linker;
    struct cm_linked *linked;
    double raw_ns;
    memset(big, 'x', sizeof big);
    TRY(measure_raw(engine, &raw_ns, err));
    write_component(&text);
    TRY(engine_wat2wasm(buf_str(&text), &binary, err));
    TRY(cm_component_load(engine, buf_str(&binary), &options, &component, err));
    TRY(cm_linker_new(&linker));
    TRY(cm_linker_add(linker, &host_interface, NULL, err));
    TRY(cm_link(component, linker, &linked, err));
    TRY(measure_all(linked, only, raw_ns, err));
    cm_linked_free(linked);
    cm_linker_free(linker);
    cm_component_unref(component);
    return ST_OK;
}

int main(int argc, char **argv)
{
    const struct engine_options options = {.no_cache = true};
    struct engine *engine;
    struct error err;
    if (engine_new(&options, &engine, &err) != ST_OK || bench(engine, argc > 1 ? argv[1] : NULL, &err) != ST_OK) {
        fprintf(stderr, "abi: %s\n", err.message);
        return 1;
    }
    engine_free(engine);
    return 0;
}
