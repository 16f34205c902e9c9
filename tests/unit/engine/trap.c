#include "unit/engine/support.h"
#include <pthread.h>

static const char traps[] = "(module $bad (import \"h\" \"fail\" (func $fail (param i32) (result i32)))"
                            "(memory 1) (table 1 funcref) (tag $e)"
                            "(func $inner unreachable) (func $_ZN4core9panicking5panic17h0123456789abcdefE (call $inner))"
                            "(func (export \"unreachable\") (call $_ZN4core9panicking5panic17h0123456789abcdefE))"
                            "(func (export \"memory\") (drop (i32.load (i32.const 65536))))"
                            "(func (export \"divide\") (drop (i32.div_u (i32.const 1) (i32.const 0))))"
                            "(func (export \"element\") (call_indirect (i32.const 7)))"
                            "(func (export \"null\") (call_indirect (i32.const 0)))"
                            "(func $deep (export \"overflow\") (call $deep))"
                            "(func (export \"throw\") (throw $e))"
                            "(func (export \"host\") (param i32) (result i32) (call $fail (local.get 0)))"
                            "(func (export \"convert\") (drop (i32.trunc_f32_s (f32.const nan)))))";

enum { UNREACHABLE, MEMORY, DIVIDE, ELEMENT, NULL_ELEMENT, OVERFLOW, THROW, HOST, CONVERT };

static enum status host_fail(void *env UNUSED, struct engine_store *store, union engine_raw *raw, size_t count UNUSED)
{
    switch (raw[0].i32) {
    case 0:
        raw[0].i32 = 77;
        return ST_OK;
    case 1:
        return engine_trap_set(store, ST_DENIED, "reading %s is not allowed", "/etc");
    case 2:
        return ST_IO;
    case 3:
        return ST_CANCELLED;
    default:
        (void)engine_trap_set(store, ST_DENIED, "dealt with");
        raw[0].i32 = 78;
        return ST_OK;
    }
}

static enum status run_trap(int index, int argument, struct engine_store **ret_store, struct error *err)
{
    struct test_guest guest;
    struct engine_host_func fail_func = {host_fail, NULL, test_type("i:i")};
    struct engine_func func;
    if (!test_guest_init(&guest, test_engine(), traps, &fail_func, 1))
        return ST_INTERNAL;
    *ret_store = test_start(test_engine(), &guest, NULL, NULL, (size_t)index, &func);
    union engine_raw raw = {.i32 = argument};
    enum status status = *ret_store ? engine_call(*ret_store, &func, &raw, 1, err) : ST_INTERNAL;
    test_guest_release(&guest);
    return status;
}

TEST(each_trap_has_its_kind_and_message)
{
    static const struct {
        int index;
        enum engine_trap_kind kind;
        const char *message;
    } cases[] = {
        {UNREACHABLE, ENGINE_TRAP_UNREACHABLE, "wasm trap: wasm `unreachable` instruction executed"},
        {MEMORY, ENGINE_TRAP_MEMORY, "wasm trap: out of bounds memory access"},
        {DIVIDE, ENGINE_TRAP_OTHER, "wasm trap: integer divide by zero"},
        {ELEMENT, ENGINE_TRAP_OTHER, "wasm trap: undefined element: out of bounds table access"},
        {NULL_ELEMENT, ENGINE_TRAP_OTHER, "wasm trap: uninitialized element"},
        {OVERFLOW, ENGINE_TRAP_STACK_OVERFLOW, "wasm trap: call stack exhausted"},
        {CONVERT, ENGINE_TRAP_OTHER, "wasm trap: invalid conversion to integer"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct engine_store *store = NULL;
        struct error err = {0};
        CHECK_EQ(run_trap(cases[i].index, 0, &store, &err), ST_TRAP);
        CHECK_STR(str_of(err.message), cases[i].message);
        CHECK_EQ(engine_trap_kind(store), cases[i].kind);
        CHECK_EQ(engine_trap_status(store), ST_TRAP);
        engine_store_free(store);
    }
}

TEST(a_backtrace_names_functions_demangled)
{
    struct engine_store *store = NULL;
    struct error err;
    CHECK_EQ(run_trap(UNREACHABLE, 0, &store, &err), ST_TRAP);
    struct str rest = engine_trap_backtrace(store), line;
    CHECK(str_next_part(&rest, '\n', &line));
    CHECK(str_starts(line, STR("  0: 0x")));
    CHECK(str_ends(line, STR(" - bad!inner")));
    CHECK(str_next_part(&rest, '\n', &line));
    CHECK(str_starts(line, STR("  1: 0x")));
    CHECK(str_find(line, STR(" - bad!core::panicking::panic")) != STR_NONE);
    CHECK(str_next_part(&rest, '\n', &line));
    CHECK(str_find(line, STR("<wasm function 3>")) != STR_NONE);
    CHECK(str_next_part(&rest, '\n', &line));
    CHECK_EQ(line.len, 0);
    engine_store_free(store);
}

TEST(a_backtrace_of_endless_recursion_is_short)
{
    struct engine_store *store = NULL;
    struct error err;
    CHECK_EQ(run_trap(OVERFLOW, 0, &store, &err), ST_TRAP);
    CHECK(str_find(engine_trap_backtrace(store), STR("bad!deep")) != STR_NONE);
    CHECK(engine_trap_backtrace(store).len < 4096);
    engine_store_free(store);
}

TEST(names_in_a_backtrace_are_escaped_and_cut)
{
    static const char text[] = "(module $m (func $f (@name \"a\\0a\\0aCaused by:\\0a    fake\\1b[31m\") unreachable)"
                               "(func (export \"run\") (call $f)))";
    struct test_guest guest;
    struct engine_func run;
    struct error err;
    CHECK(test_guest_init(&guest, test_engine(), text, NULL, 0));
    struct engine_store *store = test_start(test_engine(), &guest, NULL, NULL, 0, &run);
    CHECK(store);
    CHECK_EQ(engine_call(store, &run, NULL, 0, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "wasm trap: wasm `unreachable` instruction executed");
    struct str trace = engine_trap_backtrace(store);
    CHECK(str_find_char(trace, '\x1b') == STR_NONE);
    CHECK(str_find(trace, STR("m!a\n")) != STR_NONE);
    engine_store_free(store);
    test_guest_release(&guest);
}

TEST(an_uncaught_exception_is_a_trap)
{
    struct engine_store *store = NULL;
    struct error err;
    CHECK_EQ(run_trap(THROW, 0, &store, &err), ST_TRAP);
    CHECK_EQ(engine_trap_kind(store), ENGINE_TRAP_OTHER);
    CHECK(strstr(err.message, "exception"));
    engine_store_free(store);
}

TEST(a_host_function_says_why_it_failed)
{
    struct engine_store *store = NULL;
    struct error err = {0};
    CHECK_EQ(run_trap(HOST, 0, &store, &err), ST_OK);
    engine_store_free(store);

    CHECK_EQ(run_trap(HOST, 1, &store, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "reading /etc is not allowed");
    CHECK_EQ(engine_trap_kind(store), ENGINE_TRAP_HOST);
    CHECK_EQ(engine_trap_status(store), ST_DENIED);
    CHECK(str_find(engine_trap_backtrace(store), STR("bad!")) != STR_NONE);
    engine_store_free(store);

    CHECK_EQ(run_trap(HOST, 2, &store, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "a host function failed: input/output error");
    CHECK_EQ(engine_trap_kind(store), ENGINE_TRAP_HOST);
    CHECK_EQ(engine_trap_status(store), ST_IO);
    engine_store_free(store);

    CHECK_EQ(run_trap(HOST, 3, &store, &err), ST_TRAP);
    CHECK_EQ(engine_trap_kind(store), ENGINE_TRAP_INTERRUPT);
    CHECK_EQ(engine_trap_status(store), ST_CANCELLED);
    engine_store_free(store);
}

TEST(a_failure_that_the_host_function_dealt_with_is_forgotten)
{
    struct test_guest guest;
    struct engine_host_func fail_func = {host_fail, NULL, test_type("i:i")};
    struct engine_func func;
    struct error err = {0};
    CHECK(test_guest_init(&guest, test_engine(), traps, &fail_func, 1));
    struct engine_store *store = test_start(test_engine(), &guest, NULL, NULL, HOST, &func);
    CHECK(store);
    union engine_raw raw = {.i32 = 4};
    CHECK_EQ(engine_call(store, &func, &raw, 1, &err), ST_OK);
    CHECK_EQ(raw.i32, 78);
    raw.i32 = 2;
    CHECK_EQ(engine_call(store, &func, &raw, 1, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "a host function failed: input/output error");
    engine_store_free(store);
    test_guest_release(&guest);
}

/* --- a trap below a host function ----------------------------------------------------------------------------------------- */

struct reentry {
    struct engine_func inner;
    bool swallow, explain;
};

static enum status host_reenter(void *env UNUSED, struct engine_store *store, union engine_raw *raw UNUSED, size_t count UNUSED)
{
    struct reentry *reentry = engine_store_data(store);
    struct error err;
    enum status status = engine_call(store, &reentry->inner, NULL, 0, &err);
    if (reentry->swallow)
        return ST_OK;
    if (reentry->explain)
        return engine_trap_set(store, ST_INVALID, "realloc: %s", err.message);
    return status;
}

static enum status run_reentry(struct reentry *reentry, struct engine_store **ret_store, struct error *err)
{
    static const char text[] = "(module $re (import \"h\" \"reenter\" (func $reenter))"
                               "(func $outer (export \"outer\") (call $reenter)) (func $inner (export \"inner\") unreachable))";
    struct engine_host_func func = {host_reenter, NULL, test_type(":")};
    struct test_guest guest;
    struct engine_func outer;
    if (!test_guest_init(&guest, test_engine(), text, &func, 1))
        return ST_INTERNAL;
    struct engine_store *store;
    struct engine_instance instance;
    struct engine_extern found[2];
    bug_unless(engine_store_new(test_engine(), reentry, NULL, &store, err) == ST_OK);
    bug_unless(engine_pre_instantiate(guest.pre, store, &instance, err) == ST_OK);
    bug_unless(engine_instance_export(store, &instance, 0, &found[0]) && engine_instance_export(store, &instance, 1, &found[1]));
    outer = found[0].func;
    reentry->inner = found[1].func;
    *ret_store = store;
    enum status status = engine_call(store, &outer, NULL, 0, err);
    test_guest_release(&guest);
    return status;
}

TEST(a_trap_of_a_nested_call_reaches_the_outer_caller)
{
    struct reentry plain = {.swallow = false}, explained = {.explain = true}, swallowed = {.swallow = true};
    struct engine_store *store;
    struct error err = {0};
    CHECK_EQ(run_reentry(&plain, &store, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "wasm trap: wasm `unreachable` instruction executed");
    CHECK_EQ(engine_trap_kind(store), ENGINE_TRAP_UNREACHABLE);
    CHECK(str_find(engine_trap_backtrace(store), STR("re!inner")) != STR_NONE);
    CHECK(str_find(engine_trap_backtrace(store), STR("re!outer")) != STR_NONE);
    engine_store_free(store);

    CHECK_EQ(run_reentry(&explained, &store, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "realloc: wasm trap: wasm `unreachable` instruction executed");
    CHECK_EQ(engine_trap_kind(store), ENGINE_TRAP_HOST);
    CHECK_EQ(engine_trap_status(store), ST_INVALID);
    CHECK(str_find(engine_trap_backtrace(store), STR("re!inner")) != STR_NONE);
    engine_store_free(store);

    CHECK_EQ(run_reentry(&swallowed, &store, &err), ST_OK);
    engine_store_free(store);
}

TEST(a_start_function_may_trap)
{
    struct test_guest guest;
    struct engine_store *store;
    struct engine_instance instance;
    struct error err;
    CHECK(test_guest_init(&guest, test_engine(), "(module $s (func $go unreachable) (start $go))", NULL, 0));
    CHECK_EQ(engine_store_new(test_engine(), NULL, NULL, &store, &err), ST_OK);
    CHECK_EQ(engine_pre_instantiate(guest.pre, store, &instance, &err), ST_TRAP);
    CHECK_EQ(engine_trap_kind(store), ENGINE_TRAP_UNREACHABLE);
    CHECK(str_find(engine_trap_backtrace(store), STR("s!go")) != STR_NONE);
    CHECK_EQ(engine_instantiate(guest.module, store, NULL, 0, &instance, &err), ST_TRAP);
    engine_store_free(store);
    test_guest_release(&guest);
}

TEST(an_active_segment_out_of_bounds_is_a_trap)
{
    struct test_guest guest;
    struct engine_store *store;
    struct engine_instance instance;
    struct error err;
    CHECK(test_guest_init(&guest, test_engine(), "(module (memory 1) (data (i32.const 65536) \"x\"))", NULL, 0));
    CHECK_EQ(engine_store_new(test_engine(), NULL, NULL, &store, &err), ST_OK);
    CHECK_EQ(engine_pre_instantiate(guest.pre, store, &instance, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "wasm trap: out of bounds memory access");
    CHECK_EQ(engine_trap_kind(store), ENGINE_TRAP_MEMORY);
    engine_store_free(store);
    test_guest_release(&guest);
}

/* --- the thread's own stack ----------------------------------------------------------------------------------------------- */

static enum status host_deeper(void *env UNUSED, struct engine_store *store, union engine_raw *raw UNUSED, size_t count UNUSED);

/* Runs a guest in a store of its own; it recurses a while, then calls the host, which comes here again. */
static enum status go_deeper(struct error *err, int *depth)
{
    static const char text[] =
        "(module (import \"h\" \"deeper\" (func $deeper)) (func $down (param i32) (local v128 v128 v128 v128)"
        "  (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else (call $deeper))))"
        "(func (export \"run\") (call $down (i32.const 5000))))";
    struct engine_host_func func = {host_deeper, NULL, test_type(":")};
    struct test_guest guest;
    struct engine_func run;
    ++*depth;
    if (!test_guest_init(&guest, test_engine(), text, &func, 1))
        return ST_INTERNAL;
    struct engine_store *store;
    struct engine_instance instance;
    struct engine_extern found;
    enum status status = engine_store_new(test_engine(), depth, NULL, &store, err);
    bug_unless(status == ST_OK);
    status = engine_pre_instantiate(guest.pre, store, &instance, err);
    if (status == ST_OK && engine_instance_export(store, &instance, 0, &found)) {
        run = found.func;
        status = engine_call(store, &run, NULL, 0, err);
    }
    engine_store_free(store);
    test_guest_release(&guest);
    return status;
}

static enum status host_deeper(void *env UNUSED, struct engine_store *store, union engine_raw *raw UNUSED, size_t count UNUSED)
{
    struct error err;
    enum status status = go_deeper(&err, engine_store_data(store));
    return status == ST_OK ? ST_OK : engine_trap_set(store, status, "%s", err.message);
}

struct descent {
    int depth;
    enum status status;
    struct error err;
};

static void *descend(void *arg)
{
    struct descent *descent = arg;
    descent->status = go_deeper(&descent->err, &descent->depth);
    return NULL;
}

TEST(nested_stores_trap_before_the_stack_of_a_thread_ends)
{
    struct descent descent = {.depth = 0};
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 8u << 20);
    CHECK_EQ(pthread_create(&thread, &attributes, descend, &descent), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    CHECK_EQ(descent.status, ST_TRAP);
    CHECK_STR(str_of(descent.err.message), "wasm trap: call stack exhausted");
    CHECK(descent.depth > 3 && descent.depth < 50);
}
