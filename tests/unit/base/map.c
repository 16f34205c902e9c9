#include "base/map.h"

#include "base/mem.h"
#include "tap.h"

#define automap __attribute__((cleanup(map_release)))
#define MANY 10000

/* Any pointers will do as values. */
static char cells[MANY];

TEST(empty)
{
    automap struct map map = {0};
    CHECK(!map_get(&map, STR("a")));
    CHECK(!map_has(&map, STR("a")));
    CHECK(!map_remove(&map, STR("a")));
    map_each (entry, &map)
        CHECK(!entry);
    map_release(&map);
}

TEST(set_get_replace_remove)
{
    automap struct map map = {0};
    CHECK(!map_set(&map, STR("a"), &cells[1]));
    CHECK(!map_set(&map, STR("b"), &cells[2]));
    CHECK_EQ(map.len, 2);
    CHECK(map_get(&map, STR("a")) == &cells[1]);
    CHECK(map_set(&map, STR("a"), &cells[3]) == &cells[1]);
    CHECK_EQ(map.len, 2);
    CHECK(map_get(&map, STR("a")) == &cells[3]);
    CHECK(map_remove(&map, STR("a")) == &cells[3]);
    CHECK(!map_remove(&map, STR("a")));
    CHECK(!map_get(&map, STR("a")));
    CHECK(map_get(&map, STR("b")) == &cells[2]);
    CHECK_EQ(map.len, 1);
}

TEST(values_may_be_null)
{
    automap struct map map = {0};
    map_set(&map, STR("a"), NULL);
    CHECK(map_has(&map, STR("a")));
    CHECK(!map_get(&map, STR("a")));
    map_remove(&map, STR("a"));
    CHECK(!map_has(&map, STR("a")));
}

TEST(odd_keys)
{
    automap struct map map = {0};
    map_set(&map, STR_NULL, &cells[1]);
    CHECK(map_get(&map, STR("")) == &cells[1]);
    CHECK_EQ(map.len, 1);
    CHECK(map_set(&map, STR(""), &cells[2]) == &cells[1]);
    map_set(&map, STR("a\0b"), &cells[3]);
    map_set(&map, STR("a\0c"), &cells[4]);
    CHECK(map_get(&map, STR("a\0b")) == &cells[3]);
    CHECK(!map_has(&map, STR("a")));
    CHECK(map_remove(&map, STR_NULL) == &cells[2]);
    CHECK(!map_has(&map, STR("")));
}

TEST(order_of_insertion)
{
    automap struct map map = {0};
    static const struct str keys[] = {STR_INIT("delta"), STR_INIT("alpha"), STR_INIT("charlie"), STR_INIT("bravo")};
    for (size_t i = 0; i < 4; i++)
        map_set(&map, keys[i], &cells[i]);
    map_set(&map, keys[0], &cells[9]); /* replacing keeps the place */
    map_remove(&map, keys[1]);
    map_set(&map, keys[1], &cells[1]); /* inserting again does not */
    static const size_t order[] = {0, 2, 3, 1};
    size_t at = 0;
    map_each (entry, &map)
        CHECK(str_eq(entry->key, keys[order[at++]]));
    CHECK_EQ(at, 4);
}

TEST(removal_while_walking)
{
    automap struct map map = {0};
    static char names[100][16];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        map_set(&map, str_of(names[i]), &cells[i]);
    }
    map_each (entry, &map)
        if (((char *)entry->value - cells) % 2 == 0)
            map_remove(&map, entry->key);
    CHECK_EQ(map.len, 50);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(map_has(&map, str_of(names[i])), i % 2 == 1);
}

static char many_names[MANY][16];

static struct str many_key(size_t i)
{
    snprintf(many_names[i], sizeof many_names[i], "key-%zu", i);
    return str_of(many_names[i]);
}

TEST(ten_thousand_keys)
{
    automap struct map map = {0};
    for (size_t i = 0; i < MANY; i++)
        CHECK(!map_set(&map, many_key(i), &cells[i]));
    CHECK_EQ(map.len, MANY);
    for (size_t i = 0; i < MANY; i += 3)
        CHECK(map_remove(&map, many_key(i)) == &cells[i]);
    for (size_t i = 0; i < MANY; i++)
        CHECK(map_get(&map, many_key(i)) == (i % 3 ? &cells[i] : NULL));
    for (size_t i = 0; i < MANY; i += 3)
        CHECK(!map_set(&map, many_key(i), &cells[i]));
    CHECK_EQ(map.len, MANY);
    for (size_t i = 0; i < MANY; i++)
        CHECK(map_get(&map, many_key(i)) == &cells[i]);
    size_t seen = 0;
    map_each (entry, &map)
        seen++;
    CHECK_EQ(seen, MANY);
}

TEST(coming_and_going_keeps_the_table_small)
{
    automap struct map map = {0};
    for (size_t i = 0; i < 200000; i++) {
        map_set(&map, many_key(i % MANY), &cells[i % MANY]);
        if (i >= 10)
            CHECK(map_remove(&map, str_of(many_names[(i - 10) % MANY])) == &cells[(i - 10) % MANY]);
    }
    CHECK_EQ(map.len, 10);
    CHECK(map.capacity <= 64);
}
