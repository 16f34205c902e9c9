#include "seeds.h"
#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>

static bool read_seed(const char *folder, const char *name, struct buf *ret_seed)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    char piece[4096];
    size_t len;
    buf_addf(&path, "%s/%s", folder, name);
    FILE *file = fopen(path.data, "re");
    if (!file)
        return false;
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(ret_seed, str_n(piece, len));
    fclose(file);
    return true;
}

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

size_t seeds_each(const char *folder, seed_visitor *visit, void *env)
{
    struct dirent **names;
    size_t visited = 0;
    int count = scandir(folder, &names, is_seed, alphasort);
    for (int i = 0; i < count; i++) {
        autobuf struct buf seed = BUF_INIT(BUF_UNLIMITED);
        if (read_seed(folder, names[i]->d_name, &seed)) {
            visit(env, names[i]->d_name, &seed);
            visited++;
        }
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return visited;
}

void seeds_try(fuzz_target *target, struct str input)
{
    autofree char *copy = mem_alloc(input.len);
    if (input.len)
        memcpy(copy, input.data, input.len);
    target((const uint8_t *)copy, input.len);
}

struct damage {
    fuzz_target *target;
    size_t places;
    struct str bytes;
};

static void damage_seed(void *env, const char *name UNUSED, struct buf *seed)
{
    const struct damage *damage = env;
    seeds_try(damage->target, buf_str(seed));
    for (size_t at = 0; at < seed->len; at += 1 + seed->len / damage->places) {
        char saved = seed->data[at];
        seeds_try(damage->target, str_slice(buf_str(seed), 0, at));
        for (size_t i = 0; i < damage->bytes.len; i++) {
            seed->data[at] = damage->bytes.data[i];
            seeds_try(damage->target, buf_str(seed));
        }
        seed->data[at] = saved;
    }
}

size_t seeds_damage(const char *folder, fuzz_target *target, size_t places, struct str bytes)
{
    struct damage damage = {target, places, bytes};
    return seeds_each(folder, damage_seed, &damage);
}
