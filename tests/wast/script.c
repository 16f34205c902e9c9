#include "script.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "component/component.h"
#include "sexpr.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>

struct definition {
    struct str name;
    struct cm_component *component;
};

struct made_instance {
    struct cm_linked *linked;
    struct cm_instance *instance;
};

/* An instance whose functions later components may import. */
struct registered {
    struct cm_interface_desc interface;
    struct cm_instance *instance;
    const struct cm_export **exports; /* as interface.funcs */
};

struct script {
    const struct script_options *options;
    const char *path;
    struct arena arena;
    VEC(struct definition) definitions;
    VEC(struct made_instance) instances;
    VEC(struct cm_linker *) linkers; /* the last is in use */
    VEC(struct registered *) registered;
    struct map named_instances; /* "$i" -> struct cm_instance * */
    struct cm_instance *current;
};

/* --- components -------------------------------------------------------------------------------------------------------------- */

static void join_strings(const struct sexpr *node, struct buf *out)
{
    for (; node && node->kind == SEXPR_STRING; node = node->next)
        buf_add(out, node->text);
}

/* The binary of `(component definition? $id? binary|quote|...)`. */
static enum status assemble(const struct sexpr *form, struct buf *out, struct error *err)
{
    const struct sexpr *node = form->first->next;
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    if (sexpr_is_atom(node, "definition"))
        node = node->next;
    const struct sexpr *content = sexpr_is_id(node) ? node->next : node;
    if (sexpr_is_atom(content, "binary")) {
        join_strings(content->next, out);
        return ST_OK;
    }
    buf_add(&text, STR("(component "));
    if (sexpr_is_atom(content, "quote")) {
        join_strings(content->next, &text);
        buf_add(&text, STR(")"));
    } else if (node) {
        const char *end = form->source.data + form->source.len;
        buf_add(&text, str_n(node->source.data, (size_t)(end - node->source.data)));
    } else {
        buf_add(&text, STR(")"));
    }
    return engine_wat2wasm(buf_str(&text), out, err);
}

static enum status load(struct script *s, const struct sexpr *form, struct cm_component **ret_component, struct error *err)
{
    autobuf struct buf binary = BUF_INIT(BUF_UNLIMITED);
    const struct cm_load_options options = {.no_elide = s->options->no_elide, .gates = s->options->gates};
    TRY(assemble(form, &binary, err));
    return cm_component_load(s->options->engine, buf_str(&binary), &options, ret_component, err);
}

static struct cm_linker *linker(struct script *s)
{
    if (s->linkers.len == 0) {
        struct cm_linker *made;
        if (cm_linker_new(&made) != ST_OK)
            abort();
        vec_push(&s->linkers, made);
    }
    return *vec_last(&s->linkers);
}

/* Links and instantiates; the instance is current from then on. ret_linked: whether linking worked. */
static enum status instantiate(struct script *s, struct cm_component *component, struct str name, bool *ret_linked,
                               struct error *err)
{
    struct made_instance made = {NULL, NULL};
    TRY(cm_link(component, linker(s), &made.linked, err));
    *ret_linked = true;
    enum status status = cm_instantiate(made.linked, NULL, &made.instance, err);
    if (status != ST_OK) {
        cm_linked_free(made.linked);
        return status;
    }
    vec_push(&s->instances, made);
    s->current = made.instance;
    if (name.len)
        map_set(&s->named_instances, name, made.instance);
    return ST_OK;
}

static enum status run_component(struct script *s, const struct sexpr *form, struct error *err)
{
    const struct sexpr *node = form->first->next;
    bool only_defined = sexpr_is_atom(node, "definition"), linked;
    if (only_defined)
        node = node->next;
    struct definition definition = {.name = sexpr_is_id(node) ? node->text : STR("")};
    TRY(load(s, form, &definition.component, err));
    vec_push(&s->definitions, definition);
    return only_defined ? ST_OK : instantiate(s, definition.component, definition.name, &linked, err);
}

/* (component instance $i $Definition) */
static enum status run_instance(struct script *s, const struct sexpr *form, struct error *err)
{
    const struct sexpr *name = form->first->next->next, *of = name ? name->next : NULL;
    bool linked;
    for (size_t i = s->definitions.len; of && i-- > 0;)
        if (str_eq(s->definitions.items[i].name, of->text))
            return instantiate(s, s->definitions.items[i].component, name->text, &linked, err);
    return fail(err, ST_INVALID, "no such component definition");
}

/* --- register ---------------------------------------------------------------------------------------------------------------- */

static enum status call_registered(struct cm_call *call, const void *args, void *ret)
{
    const struct registered *r = cm_call_env(call);
    struct error err;
    size_t index = (size_t)(cm_call_func(call) - r->interface.funcs);
    enum status status = cm_call_export(r->instance, r->exports[index], args, ret, &err);
    return status == ST_OK ? ST_OK : cm_trap(call, "%s", err.message);
}

static enum status find_instance(struct script *s, const struct sexpr *id, struct cm_instance **ret_instance, struct error *err)
{
    *ret_instance = sexpr_is_id(id) ? map_get(&s->named_instances, id->text) : s->current;
    return *ret_instance ? ST_OK : fail(err, ST_INVALID, "there is no such instance");
}

static enum status run_register(struct script *s, const struct sexpr *form, struct error *err)
{
    const struct sexpr *name = form->first->next;
    struct cm_instance *instance;
    struct cm_linker *made;
    size_t count;
    TRY(find_instance(s, name->next, &instance, err));
    const struct cm_component_item *items = cm_component_exports(cm_linked_component(cm_instance_linked(instance)), &count);
    struct registered *r = ARENA_NEW(&s->arena, struct registered);
    struct cm_func_desc *funcs = ARENA_ARRAY(&s->arena, struct cm_func_desc, count);
    *r = (struct registered){.instance = instance, .exports = ARENA_ARRAY(&s->arena, const struct cm_export *, count)};
    r->interface = (struct cm_interface_desc){.name = arena_str(&s->arena, name->text).data, .funcs = funcs};
    for (size_t i = 0; i < count; i++) {
        if (items[i].kind != CM_ITEM_FUNC)
            continue;
        uint32_t index = r->interface.func_count++;
        TRY(cm_export_open(cm_instance_linked(instance), STR(""), items[i].name, &r->exports[index], err));
        funcs[index] = *cm_export_desc(r->exports[index]);
        funcs[index].invoke = call_registered;
    }
    vec_push(&s->registered, r);
    TRY(cm_linker_new(&made));
    vec_push(&s->linkers, made);
    for (size_t i = 0; i < s->registered.len; i++)
        TRY(cm_linker_add(made, &s->registered.items[i]->interface, s->registered.items[i], err));
    return ST_OK;
}

/* --- actions ----------------------------------------------------------------------------------------------------------------- */

/* Whether what went wrong is the guest's doing, or the script's. */
struct outcome {
    bool reached; /* the function was called */
    const struct cm_func_desc *func;
    void *result;
};

static enum status invoke(struct script *s, const struct sexpr *form, struct outcome *ret_outcome, struct error *err)
{
    const struct sexpr *node = form->first->next;
    struct cm_instance *instance;
    const struct cm_export *export;
    TRY(find_instance(s, node, &instance, err));
    if (sexpr_is_id(node))
        node = node->next;
    if (!node || node->kind != SEXPR_STRING)
        return fail(err, ST_INVALID, "the function's name is missing");
    TRY(cm_export_open(cm_instance_linked(instance), STR(""), node->text, &export, err));
    const struct cm_func_desc *func = cm_export_desc(export);
    char *args = arena_alloc(&s->arena, func->args_size + 1u);
    for (uint32_t i = 0; i < func->param_count; i++) {
        node = node->next;
        if (!node)
            return fail(err, ST_INVALID, "`%s` takes %u arguments", func->name, func->param_count);
        TRY(value_store(func->params[i].type, node, args + func->params[i].offset, &s->arena, err));
    }
    if (node->next)
        return fail(err, ST_INVALID, "`%s` takes %u arguments", func->name, func->param_count);
    *ret_outcome = (struct outcome){.reached = true, .func = func};
    ret_outcome->result = arena_alloc(&s->arena, func->result ? func->result->size + 1u : 1);
    return cm_call_export(instance, export, args, ret_outcome->result, err);
}

static enum status assert_return(struct script *s, const struct sexpr *form, struct error *err)
{
    const struct sexpr *action = form->first->next, *wanted = action ? action->next : NULL;
    struct outcome outcome = {.reached = false};
    bool same = true;
    if (!sexpr_is_form(action, "invoke"))
        return fail(err, ST_INVALID, "there is no such action");
    TRY(invoke(s, action, &outcome, err));
    if (!outcome.func->result != !wanted || (wanted && wanted->next))
        return fail(err, ST_INVALID, "`%s` has %s result", outcome.func->name, outcome.func->result ? "a" : "no");
    if (wanted)
        TRY(value_matches(outcome.func->result, wanted, outcome.result, &same, err));
    if (same)
        return ST_OK;
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    value_print(outcome.func->result, outcome.result, &text);
    return fail(err, ST_INVALID, "result is %.*s, expected %.*s", STR_ARG(buf_str(&text)), STR_ARG(wanted->source));
}

static enum status expect_message(const struct sexpr *expected, const struct error *got, struct error *err)
{
    if (!expected || expected->kind != SEXPR_STRING || str_find(str_of(got->message), expected->text) != STR_NONE)
        return ST_OK;
    return fail(err, ST_INVALID, "trapped with `%s`, expected `%.*s`", got->message, STR_ARG(expected->text));
}

/* assert_trap and assert_exhaustion, of an action or of an instantiation. */
static enum status assert_trap(struct script *s, const struct sexpr *form, struct error *err)
{
    const struct sexpr *action = form->first->next;
    struct error trap = {.message = ""};
    enum status status;
    bool reached = false;
    if (sexpr_is_form(action, "component")) {
        struct definition definition = {.name = STR("")};
        TRY(load(s, action, &definition.component, err));
        vec_push(&s->definitions, definition);
        status = instantiate(s, definition.component, STR(""), &reached, &trap);
    } else if (sexpr_is_form(action, "invoke")) {
        struct outcome outcome = {.reached = false};
        status = invoke(s, action, &outcome, &trap);
        reached = outcome.reached;
    } else {
        return fail(err, ST_INVALID, "there is no such action");
    }
    if (status == ST_OK)
        return fail(err, ST_INVALID, "expected a trap, but there was none");
    if (!reached || status != ST_TRAP)
        return fail(err, status, "%s", trap.message);
    return expect_message(action->next, &trap, err);
}

/* --- assertions about loading ------------------------------------------------------------------------------------------------ */

static enum status assert_rejected(struct script *s, const struct sexpr *form, struct error *err)
{
    const struct sexpr *component = form->first->next;
    struct cm_component *loaded;
    struct error rejection = {.message = ""};
    if (!sexpr_is_form(component, "component"))
        return fail(err, ST_INVALID, "there is no component");
    enum status status = load(s, component, &loaded, &rejection);
    struct str expected = component->next ? component->next->source : STR("");
    if (status == ST_OK) {
        cm_component_unref(loaded);
        return fail(err, ST_INVALID, "expected to be rejected: %.*s", STR_ARG(expected));
    }
    if (s->options->verbose)
        fprintf(stderr, "%s:%u: rejected: %s; expected %.*s\n", s->path, form->line, rejection.message, STR_ARG(expected));
    return status == ST_INVALID || status == ST_UNSUPPORTED || status == ST_LIMIT ? ST_OK
                                                                                  : fail(err, status, "%s", rejection.message);
}

static enum status assert_unlinkable(struct script *s, const struct sexpr *form, struct error *err)
{
    struct definition definition = {.name = STR("")};
    struct error rejection = {.message = ""};
    bool linked = false;
    if (!sexpr_is_form(form->first->next, "component"))
        return fail(err, ST_INVALID, "there is no component");
    TRY(load(s, form->first->next, &definition.component, err));
    vec_push(&s->definitions, definition);
    if (instantiate(s, definition.component, STR(""), &linked, &rejection) == ST_OK || linked)
        return fail(err, ST_INVALID, "expected not to link");
    return ST_OK;
}

/* --- forms ------------------------------------------------------------------------------------------------------------------- */

static enum status run_invoke(struct script *s, const struct sexpr *form, struct error *err)
{
    struct outcome outcome = {.reached = false};
    return invoke(s, form, &outcome, err);
}

static const struct {
    const char *head;
    enum status (*run)(struct script *s, const struct sexpr *form, struct error *err);
} forms[] = {
    {"component", run_component},
    {"invoke", run_invoke},
    {"register", run_register},
    {"assert_return", assert_return},
    {"assert_trap", assert_trap},
    {"assert_exhaustion", assert_trap},
    {"assert_invalid", assert_rejected},
    {"assert_malformed", assert_rejected},
    {"assert_unlinkable", assert_unlinkable},
};

static enum status run_form(struct script *s, const struct sexpr *form, struct error *err)
{
    if (sexpr_is_form(form, "component") && sexpr_is_atom(form->first->next, "instance"))
        return run_instance(s, form, err);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (sexpr_is_form(form, forms[i].head))
            return forms[i].run(s, form, err);
    return fail(err, ST_INVALID, "this form is not understood: %.*s", STR_ARG(str_slice(form->source, 0, 60)));
}

/* Lines of the skip list: "values/x.wast:12 threads". */
static bool is_skipped(const struct script *s, unsigned line)
{
    struct str rest = str_of(s->options->skips), row, word;
    char number[16];
    snprintf(number, sizeof number, ":%u", line);
    while (rest.data && str_next_part(&rest, '\n', &row)) {
        row = str_trim(row);
        if (row.len == 0 || row.data[0] == '#' || !str_next_part(&row, ' ', &word) || !str_ends(word, str_of(number)))
            continue;
        if (str_ends(str_of(s->path), str_slice(word, 0, word.len - strlen(number))))
            return true;
    }
    return false;
}

static void script_release(struct script *s)
{
    for (size_t i = 0; i < s->instances.len; i++) {
        cm_instance_free(s->instances.items[i].instance);
        cm_linked_free(s->instances.items[i].linked);
    }
    for (size_t i = 0; i < s->definitions.len; i++)
        cm_component_unref(s->definitions.items[i].component);
    for (size_t i = 0; i < s->linkers.len; i++)
        cm_linker_free(s->linkers.items[i]);
    vec_release(&s->instances);
    vec_release(&s->definitions);
    vec_release(&s->linkers);
    vec_release(&s->registered);
    map_release(&s->named_instances);
    arena_release(&s->arena);
}

enum status script_run(const char *path, struct str text, const struct script_options *options, struct script_counts *ret_counts,
                       struct error *err)
{
    struct script s = {.options = options, .path = path};
    struct script_counts counts = {0, 0, 0};
    struct sexpr *form;
    arena_init(&s.arena, SIZE_MAX);
    enum status status = sexpr_parse(text, &s.arena, &form, err);
    for (; status == ST_OK && form; form = form->next) {
        struct error failure = {.message = ""};
        if (is_skipped(&s, form->line)) {
            counts.skipped++;
        } else if (run_form(&s, form, &failure) == ST_OK) {
            counts.passed++;
        } else {
            counts.failed++;
            fprintf(stderr, "%s:%u: %s\n", path, form->line, failure.message);
        }
    }
    script_release(&s);
    if (status == ST_OK)
        *ret_counts = counts;
    return status;
}
