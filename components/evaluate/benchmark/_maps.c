/* The two loops of folder scoring that NumPy does not do fast; `compiled.py` calls them.

   Label maps are mostly runs, so both look at eight bytes at a time and skip what does not change.
   Plain C without Python's headers: the sizes are checked by the caller, nothing is allocated. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Written for GCC or Clang on little-endian machines; others go without."
#endif

static inline uint64_t word(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline int paeth(int left, int above, int corner) {
    int by_left = abs(above - corner), by_above = abs(left - corner);
    int by_corner = abs(left + above - 2 * corner);
    if (by_left <= by_above && by_left <= by_corner) return left;
    return by_above <= by_corner ? above : corner;
}

/* Sums of eight bytes modulo 256: the high bits apart, so that nothing carries over. */
static inline uint64_t add(uint64_t x, uint64_t y) {
    const uint64_t high = 0x8080808080808080u;
    return ((x & ~high) + (y & ~high)) ^ ((x ^ y) & high);
}

/* The last pixel of eight bytes, over all eight. */
static inline uint64_t last_of(uint64_t bytes, size_t step) {
    return step == 1 ? (bytes >> 56) * 0x0101010101010101u : (bytes >> 48) * 0x0001000100010001u;
}

static void undo_sub(const uint8_t *in, uint8_t *out, size_t length, size_t step) {
    size_t i = 0;
    uint64_t left = 0; /* eight bytes of output before i; what stays the same needs no arithmetic */
    int flat = 1;      /* whether they repeat one pixel */
    for (; i + 8 <= length; i += 8) {
        uint64_t x = word(in + i);
        if (!flat) left = last_of(left, step);
        flat = x == 0;
        if (x) {
            if (step == 1) x = add(x, x << 8);
            x = add(x, x << 16);
            x = add(x, x << 32);
            left = add(left, x);
        }
        memcpy(out + i, &left, 8);
    }
    for (; i < length; i++) out[i] = in[i] + (i < step ? 0 : out[i - step]);
}

static void undo_paeth(const uint8_t *in, uint8_t *out, const uint8_t *above, size_t length,
                       size_t step) {
    size_t i = 0;
    int same = 0; /* whether the pixel to the left is known to equal the one above it */
    for (; i < step; i++) out[i] = in[i] + above[i];
    while (i < length) {
        if (i + 8 <= length && word(in + i) == 0) {
            /* If it does, zeros copy the row above; where that row does not change, they repeat
               the pixel to the left. */
            uint64_t copy = word(above + i);
            same = same || memcmp(out + i - step, above + i - step, step) == 0;
            if (same || copy == word(above + i - step)) {
                if (!same) {
                    memcpy((uint8_t *)&copy + 8 - step, out + i - step, step);
                    copy = last_of(copy, step);
                }
                memcpy(out + i, &copy, 8);
                i += 8;
                continue;
            }
        }
        out[i] = in[i] + paeth(out[i - step], above[i], above[i - step]);
        same = 0;
        i++;
    }
}

static void undo_up(const uint8_t *in, uint8_t *out, const uint8_t *above, size_t length) {
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t sum = add(word(in + i), word(above + i));
        memcpy(out + i, &sum, 8);
    }
    for (; i < length; i++) out[i] = in[i] + above[i];
}

/* Undoes the row filters of a PNG (ISO/IEC 15948, section 9), in place.

   data: rows of one filter byte and `length` bytes; becomes rows of `length` bytes. Each byte is
   written at a lower address than it was read from, so no row is overwritten before its turn.
   step: bytes per pixel, 1 or 2, at most `length`. Returns 0, or -1 for an unknown filter. */
int streetloop_unfilter(uint8_t *data, size_t rows, size_t length, size_t step) {
    const uint8_t *in = data;
    uint8_t *out = data;
    for (size_t row = 0; row < rows; row++, in += length, out += length) {
        const uint8_t *above = out - length;
        int filter = *in++;
        /* Above the first row is black: Up does nothing there, and Paeth is Sub. */
        if (row == 0 && filter == 2) filter = 0;
        if (row == 0 && filter == 4) filter = 1;
        if (filter == 0) {
            memmove(out, in, length);
        } else if (filter == 1) {
            undo_sub(in, out, length, step);
        } else if (filter == 2) {
            undo_up(in, out, above, length);
        } else if (filter == 3) {
            for (size_t i = 0; i < length; i++) {
                int left = i < step ? 0 : out[i - step];
                out[i] = in[i] + ((left + (row ? above[i] : 0)) >> 1);
            }
        } else if (filter == 4) {
            undo_paeth(in, out, above, length, step);
        } else {
            return -1;
        }
    }
    return 0;
}

enum { BLOCK = 64, FIRST_INSTANCE = 1001 };

static void find_changes(const uint8_t *restrict a, const uint8_t *restrict b,
                         const uint16_t *restrict c, uint8_t *restrict changed) {
    for (size_t i = 0; i < BLOCK; i++) changed[i] = (a[i] ^ a[i + 1]) | (b[i] ^ b[i + 1]);
    if (c)
        for (size_t i = 0; i < BLOCK; i++) changed[i] |= c[i] != c[i + 1];
}

/* Counts pairs of values, run by run; a run is a stretch in which none of the three maps changes.

   c: instance ids with the high byte first, or NULL. table [256 * 256]: gets the pixels of each
   pair of values of a and b. ends, lengths (room for `pixels`): get the last pixel and the number
   of pixels of each run of an instance. Returns the number of those runs. */
size_t streetloop_count(const uint8_t *a, const uint8_t *b, const uint16_t *c, size_t pixels,
                               int64_t *table, int32_t *ends, int32_t *lengths) {
    size_t found = 0, start = 0;
    uint8_t changed[BLOCK];
    for (size_t block = 0; block < pixels; block += BLOCK) {
        size_t size = pixels - block < BLOCK ? pixels - block : BLOCK;
        if (block + BLOCK < pixels) {
            find_changes(a + block, b + block, c ? c + block : NULL, changed);
        } else {
            for (size_t k = 0; k < BLOCK; k++) {
                size_t i = block + k;
                changed[k] = i + 1 == pixels ||
                             (i + 1 < pixels && (a[i] != a[i + 1] || b[i] != b[i + 1] ||
                                                 (c && c[i] != c[i + 1])));
            }
        }
        for (size_t k = 0; k < size; k++) {
            if (k % 8 == 0 && word(changed + k) == 0) {
                k += 7;
                continue;
            }
            if (!changed[k]) continue;
            size_t i = block + k, length = i + 1 - start;
            table[a[i] * 256 + b[i]] += (int64_t)length;
            start = i + 1;
            if (!c) continue;
            const uint8_t *id = (const uint8_t *)(c + i);
            if ((id[0] << 8 | id[1]) >= FIRST_INSTANCE) {
                ends[found] = (int32_t)i;
                lengths[found++] = (int32_t)length;
            }
        }
    }
    return found;
}
