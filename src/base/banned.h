/* Functions whose use is a bug waiting to happen. Included last by every source of ours through the build's -include. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol gets localtime gmtime
