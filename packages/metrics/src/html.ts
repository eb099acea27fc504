/** HTML that cannot be broken by what is put into it: a template tag that escapes every text and joins lists. */

/** A piece of finished HTML. */
export class Html {
  constructor(readonly text: string) {}
}

type Content = Html | string | number | undefined | false | readonly Content[];

/** Template tag: interpolated strings are escaped, `Html` is taken as it is, lists are joined, `undefined` and `false` vanish. */
export function html(pieces: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(String.raw({ raw: pieces }, ...contents.map(render)));
}

function render(content: Content): string {
  if (content === undefined || content === false) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "object") return content.map(render).join("");
  return escapeHtml(String(content));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Characters with a meaning in HTML become entities; control characters that no document may hold become U+FFFD. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => entities[character] as string)
    .replaceAll(/[^\t\n\r\u{20}-\u{7e}\u{a0}-\u{fdcf}\u{fdf0}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "\u{fffd}");
}

/** A data URI of PNG bytes. */
export function pngUri(bytes: Uint8Array): string {
  const pieces: string[] = [];
  // String.fromCharCode takes only so many arguments at once.
  for (let at = 0; at < bytes.length; at += 0x8000) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  }
  return `data:image/png;base64,${btoa(pieces.join(""))}`;
}
