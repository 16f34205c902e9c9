/* What the encoder's files share. */
#pragma once

#include "wit/encode.h"
#include "wit/encode_type.h"

/* "ns:name/item@version", in `arena`. */
struct str wit_item_id(struct arena *arena, const struct wit_package *package, struct str item);
/* Writes the content of the custom section `package-docs`. */
void wit_encode_docs(struct arena *arena, const struct wit_package *package, struct wit_sink *out);
