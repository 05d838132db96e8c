/** IEEE 754 half precision, which node 20 has no array for. */

const toFloat32 = new Float32Array(1 << 16);
for (let bits = 0; bits < toFloat32.length; bits++) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) toFloat32[bits] = sign * fraction * 2 ** -24;
  else if (exponent === 31) toFloat32[bits] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  else toFloat32[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export function float16ToFloat32(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) floats[i] = toFloat32[halves[i] as number] as number;
  return floats;
}

/** Rounds to nearest, ties to even; beyond 65,504 becomes infinite. */
export function float32ToFloat16(floats: Float32Array): Uint16Array {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < words.length; i++) halves[i] = halfOf(words[i] as number);
  return halves;
}

function halfOf(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const exponent = ((word >>> 23) & 0xff) - 112;
  const fraction = word & 0x7fffff;
  if (exponent === 143) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent <= 0) {
    if (exponent < -10) return sign;
    return sign | roundShift(fraction | 0x800000, 14 - exponent);
  }
  // A carry out of the fraction runs into the exponent, which is what rounding up means.
  return sign | ((exponent << 10) + roundShift(fraction, 13));
}

function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}
