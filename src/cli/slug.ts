/** A command as a file name: letters and digits of any script, whole words while they fit. */
export function slug(text: string, longest = 48): string {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['clip'];
  let name = '';
  for (const word of words) {
    if (name !== '' && name.length + word.length >= longest) break;
    name += `${name === '' ? '' : '-'}${word}`;
  }
  return name.slice(0, longest);
}
