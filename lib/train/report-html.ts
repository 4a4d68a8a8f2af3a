/** @file HTML as text in which everything that is put in is escaped, unless it is HTML itself. */

export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  toString(): string {
    return this.text
  }
}

type Content = Html | string | number | null | undefined | false | readonly Content[]

/** A piece of HTML: html`<b>${name}</b>`. Lists are joined; null, undefined and false are nothing. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(strings.reduce((text, part, i) => text + render(contents[i - 1]) + part))
}

/** Data inside of <script type="application/json">: no text in it can end the element. */
export function jsonForScript(data: unknown): Html {
  return new Html(JSON.stringify(data).replaceAll('<', '\\u003c'))
}

function render(content: Content): string {
  if (content === null || content === undefined || content === false) return ''
  if (content instanceof Html) return content.text
  if (Array.isArray(content)) return content.map(render).join('')
  return String(content).replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
