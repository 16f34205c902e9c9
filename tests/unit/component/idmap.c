#include "component/idmap.h"

#include "tap.h"

TEST(ids_come_and_go)
{
    struct idmap map = {0};
    bool there[3000] = {false};
    uint32_t state = 1;
    CHECK(!idmap_has(&map, 0));
    idmap_remove(&map, 7);
    for (unsigned step = 0; step < 60000; step++) {
        state = state * 1664525 + 1013904223;
        uint32_t id = (state >> 8) % 3000;
        if (state >> 31)
            idmap_add(&map, id * 16);
        else
            idmap_remove(&map, id * 16);
        there[id] = state >> 31;
    }
    size_t count = 0;
    for (uint32_t id = 0; id < 3000; id++) {
        CHECK_EQ(idmap_has(&map, id * 16), there[id]);
        count += there[id];
    }
    CHECK_EQ(map.len, count);
    idmap_release(&map);
    CHECK(!idmap_has(&map, 16));
}

TEST(ids_map_to_ids)
{
    struct idmap map = {0};
    uint32_t value = 9;
    CHECK(!idmap_get_id(&map, 5, &value));
    CHECK_EQ(value, 9);
    idmap_set_id(&map, 5, 0);
    CHECK(idmap_get_id(&map, 5, &value));
    CHECK_EQ(value, 0);
    idmap_set_id(&map, 5, UINT32_MAX - 1);
    CHECK(idmap_get_id(&map, 5, &value));
    CHECK_EQ(value, UINT32_MAX - 1);
    CHECK_EQ(map.len, 1);
    idmap_release(&map);
}
