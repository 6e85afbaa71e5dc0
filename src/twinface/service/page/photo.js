// @ts-check
/** Photos in the browser: made smaller for the way. */

const MOST_PIXELS = 12e6;
const MOST_BYTES = 8 * 2 ** 20;

/**
 * The photo as it is, or a smaller copy of a very large one. A kind that the browser cannot read stays as it is.
 * @param {File} file
 */
export async function lightened(file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return file;
  const pixels = bitmap.width * bitmap.height;
  if (pixels <= MOST_PIXELS && file.size <= MOST_BYTES) return file;
  return redrawn(bitmap, Math.min(1, Math.sqrt(MOST_PIXELS / pixels)), file.name, 0.92);
}

/**
 * @param {ImageBitmap|HTMLVideoElement} source
 * @param {number} scale
 * @param {string} name
 * @param {number} quality of the JPEG
 * @returns {Promise<File>}
 */
export async function redrawn(source, scale, name, quality) {
  const isVideo = source instanceof HTMLVideoElement;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round((isVideo ? source.videoWidth : source.width) * scale);
  canvas.height = Math.round((isVideo ? source.videoHeight : source.height) * scale);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
  return new File([/** @type {Blob} */ (blob)], name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" });
}

/** Pictures among dropped, pasted or chosen files. @param {FileList|null|undefined} files */
export function pictures(files) {
  return Array.from(files ?? []).filter((file) => !file.type || file.type.startsWith("image/"));
}
