/* The meter of a workload: the histogram `fuel.consumption`, one value for each invocation, however it ended (engine_store_fuel
 * says what fuel is, and what is left out where a guest was ended).
 *
 * It has a part for each shard, in which that shard's thread alone records, without a lock; a reader adds them up, on the shards
 * (host_read_fuel) or when none of them serves the workload any more. An invocation begins when its instance is there: what making
 * one takes is not counted, and one that cannot be made is no invocation. */
#pragma once

#include "base/histogram.h"
#include "base/str.h"

struct host_meter;

struct host_meter *host_meter_new(unsigned shard_count);
void host_meter_free(struct host_meter *meter);
/* NULL where there is no meter. */
struct histogram *host_meter_part(struct host_meter *meter, unsigned shard);
/* One line with the whole of it, if there is a meter and it has measured anything. No shard may be recording. */
void host_meter_log(const struct host_meter *meter, struct str component);
