// A picture as its file stores it. A camera's note "turn me" (EXIF) is left out, since training reads the pixels unturned;
// browsers turn pictures whatever a page asks for, so the note is taken out of the bytes.

/** The address of a copy without the note, or the address itself where the bytes cannot be had. */
export async function stored(address) {
  let answer;
  try {
    answer = await fetch(address, { mode: "cors", credentials: "omit" });
  } catch {
    return { url: address, isCopy: false }; // another site, which does not share its bytes
  }
  if (!answer.ok) return { url: "", isCopy: false, status: answer.status };
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const parts = withoutExif(bytes);
  return { url: URL.createObjectURL(new Blob(parts, { type: answer.headers.get("content-type") ?? "" })), isCopy: true };
}

function withoutExif(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return withoutSegments(bytes);
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return withoutChunks(bytes);
  return [bytes];
}

/** JPEG: segments FF xx, each with its length, until the picture itself (FF DA). */
function withoutSegments(bytes) {
  const parts = [bytes.subarray(0, 2)];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
    const end = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
    if (!(bytes[at + 1] === 0xe1 && says(bytes, at + 4, "Exif"))) parts.push(bytes.subarray(at, end));
    at = end;
  }
  parts.push(bytes.subarray(at));
  return parts;
}

/** PNG: chunks of a length, a name, data and a checksum. */
function withoutChunks(bytes) {
  const parts = [bytes.subarray(0, 8)];
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let at = 8;
  while (at + 12 <= bytes.length) {
    const end = at + 12 + view.getUint32(at);
    if (!says(bytes, at + 4, "eXIf")) parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

function says(bytes, at, text) {
  return Array.from(text).every((letter, place) => bytes[at + place] === letter.charCodeAt(0));
}
