/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Shared by all shaders: the bindings (see src/gpu/pipeline.h) and the storage type, so that one source gives both the
 * fp32 and the fp16 build. Include it first, right after #version.
 *
 * A texel is four values, which a texel buffer's view (rgba32f or rgba16f) converts to vec4 on reading, whatever the
 * build; so reading is a plain texelFetch(name, index), and only writing needs an alias. Arithmetic is in float, except
 * for HALF in include/tile.glsl.
 *
 * Loops that are not unrolled run at least once and test at their end: for a test at the top lavapipe only masks off
 * the lanes, and so runs the whole body once more than needed. */
#if LANES8
/* Subgroups are of exactly 8 invocations: lane = gl_SubgroupInvocationID. */
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#elif HALF
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#endif

/* Input `slot` (0..3), read with texelFetch; LM_INPUT_WORDS if it holds raw 32-bit words (a frame's planes). */
#define LM_INPUT(slot, name) layout(binding = slot) uniform samplerBuffer name
#define LM_INPUT_WORDS(slot, name) layout(binding = slot) uniform usamplerBuffer name
#define LM_WEIGHTS(name) layout(binding = 4) uniform samplerBuffer name
/* Biases and other parameters, fp32 in every build. */
#define LM_BIAS(name) layout(binding = 5) uniform samplerBuffer name

/* lavapipe stores scalar by scalar, lane by lane. Hence as few scalars as possible: 64 bits each, and four of them at
 * once if a lane has two texels that lie next to each other. */
#if FP16 && LANES8
#define LM_TEXEL uint64_t
#define LM_PAIR u64vec2
#define LM_PACK(value) packUint2x32(uvec2(packHalf2x16((value).xy), packHalf2x16((value).zw)))
#elif FP16
#define LM_TEXEL uvec2
#define LM_PACK(value) uvec2(packHalf2x16((value).xy), packHalf2x16((value).zw))
#elif LANES8
#define LM_TEXEL u64vec2
#define LM_PAIR u64vec4
#define LM_PACK(value) \
    u64vec2(packUint2x32(floatBitsToUint((value).xy)), packUint2x32(floatBitsToUint((value).zw)))
#else
#define LM_TEXEL vec4
#define LM_PACK(value) (value)
#endif

/* Output `slot` (0, 1), a write-only array of texels; write with LM_STORE(name, index, vec4). */
#define LM_OUTPUT(slot, name) \
    layout(binding = 6 + slot, std430) restrict writeonly buffer LmOutput_##name { \
        LM_TEXEL name[]; \
    }
#define LM_STORE(name, index, value) name[index] = LM_PACK(value)

/* The same, with LM_STORE_PAIR(name, index, vec4, vec4) for texels `index`, which is even, and index + 1. */
#if LANES8
#define LM_OUTPUT_PAIRS(slot, name) \
    LM_OUTPUT(slot, name); \
    layout(binding = 6 + slot, std430) restrict writeonly buffer LmPairs_##name { \
        LM_PAIR name##_pairs[]; \
    }
#define LM_STORE_PAIR(name, index, first, second) \
    name##_pairs[(index) >> 1] = LM_PAIR(LM_PACK(first), LM_PACK(second))
#else
#define LM_OUTPUT_PAIRS(slot, name) LM_OUTPUT(slot, name)
#define LM_STORE_PAIR(name, index, first, second) \
    LM_STORE(name, index, first); \
    LM_STORE(name, (index) + 1, second)
#endif
