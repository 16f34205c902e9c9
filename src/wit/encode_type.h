/* Defines WIT types in a body of the component binary format: what packages, worlds and components have in common.
 *
 * A `struct wit_type_space` stands for the type index space of one body as far as the types of one interface (or of a world itself)
 * go. A type is defined when it is first asked for, after those it is made of, and has one index from then on. Types without a
 * name are defined once for each structure. Named ones are exported or imported under their name, as `name` does it, and known by
 * the index that gives them; types of other interfaces come through `foreign`. Private to the encoders. */
#pragma once

#include "wit/binary.h"
#include "wit/model.h"

/* A type where it is used: an index, or the code of a primitive as a negative number, as they are written. */
typedef int64_t wit_valtype;

struct wit_type_space;
/* The index in space->body of a type that another interface defines. */
typedef enum status (*wit_foreign_type_fn)(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index);

/* Gives a type that was defined, or a fresh resource, its name; the index that it is known by. */
typedef uint32_t (*wit_name_type_fn)(struct wit_type_space *space, const struct wit_type *type, struct wit_extern_desc desc);
uint32_t wit_name_exported(struct wit_type_space *space, const struct wit_type *type, struct wit_extern_desc desc); /* in a type */
uint32_t wit_name_imported(struct wit_type_space *space, const struct wit_type *type, struct wit_extern_desc desc);
uint32_t wit_name_dropped(struct wit_type_space *space, const struct wit_type *type, struct wit_extern_desc desc);

struct wit_type_space {
    struct wit_body *body;
    const struct wit_interface *interface; /* whose types are defined here; NULL: a world's */
    wit_name_type_fn name;
    wit_foreign_type_fn foreign;
    void *env; /* of these two */
    struct error *err;
    struct map indexes; /* wit_type_key -> index + 1 */
};

/* The rest of the space is the caller's to fill. */
void wit_type_space_release(struct wit_type_space *space);

static inline struct str wit_type_key(const struct wit_type *type)
{
    return str_n((const char *)&type->id, sizeof type->id);
}

/* Fails: ST_INVALID for a record, variant, enum, flags or resource without a name; ST_LIMIT; what `foreign` fails with. */
enum status wit_encode_type(struct wit_type_space *space, const struct wit_type *type, wit_valtype *ret_type) CHECKED;
/* The same for a type that must have an index: any but a primitive. */
enum status wit_encode_type_index(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index) CHECKED;
enum status wit_encode_function_type(struct wit_type_space *space, const struct wit_function *function,
                                     uint32_t *ret_index) CHECKED;
