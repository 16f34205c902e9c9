#include "decode_help.h"

#include "engine/engine.h"

#define BINARY_MAX (8u << 20)

static void start(struct decoded *decoded)
{
    *decoded = (struct decoded){.binary = BUF_INIT(BINARY_MAX)};
    arena_init(&decoded->arena, CM_LIMIT_ARENA_BYTES);
    decoded->types = cm_types_new(&decoded->arena);
}

void decode_text(struct decoded *decoded, const char *text, uint32_t gates)
{
    start(decoded);
    if (engine_wat2wasm(str_of(text), &decoded->binary, &decoded->err) != ST_OK)
        bug("%s\n%s", decoded->err.message, text);
    decoded->status = cm_decode(buf_str(&decoded->binary), gates, decoded->types, &decoded->ir, &decoded->err);
}

void decode_bytes(struct decoded *decoded, struct str bytes, uint32_t gates)
{
    start(decoded);
    bug_unless(buf_append_str(&decoded->binary, bytes) == ST_OK);
    decoded->status = cm_decode(buf_str(&decoded->binary), gates, decoded->types, &decoded->ir, &decoded->err);
}

void decoded_release(struct decoded *decoded)
{
    if (decoded->types)
        cm_types_release(decoded->types);
    arena_release(&decoded->arena);
    buf_release(&decoded->binary);
}

const struct cm_def *find_def(const struct cm_body *body, enum cm_def_kind kind, unsigned nth)
{
    for (uint32_t i = 0; i < body->def_count; i++)
        if (body->defs[i].kind == kind && nth-- == 0)
            return &body->defs[i];
    return NULL;
}

bool error_has(const struct error *err, const char *part)
{
    return str_find(str_of(err->message), str_of(part)) != STR_NONE;
}
