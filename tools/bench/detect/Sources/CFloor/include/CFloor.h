// The floor: the least that any in-band digit detector does. Eight Goertzel filters and the energy of a frame.
#ifndef CFLOOR_H
#define CFLOOR_H
#include <stddef.h>
#include <stdint.h>

// Sum of the eight powers and the energy, so that nothing can be left out.
float floor_frame(const int16_t *samples, size_t count);
#endif
