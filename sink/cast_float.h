/* sink/cast_float.h: floating-point numbers as Java 8 to 18 print them (Float.toString,
 * Double.toString), the Javas that Paimon and its engines run on. Thread: pure functions. */
#pragma once

#include <stddef.h>

#define CAST_FLOAT_TEXT 32 /* room for any of them */

/* Returns the length; no NUL. */
size_t cast_float_print(double v, char out[CAST_FLOAT_TEXT]);
size_t cast_float_print_single(float v, char out[CAST_FLOAT_TEXT]);
