import "./markdown.css";

import { memo } from "react";
import { type Components, Streamdown } from "streamdown";

import { CodeBlock } from "./CodeBlock";
import { ImageNotice, SafeLink, ScrollTable, TaskMark } from "./parts";

// Our own elements and style in place of Streamdown's. Headings go down two steps, under the answer's own h2.
const COMPONENTS: Components = {
  a: SafeLink,
  img: ImageNotice,
  input: TaskMark,
  pre: CodeBlock,
  table: ScrollTable,
  h1: "h3",
  h2: "h4",
  h3: "h5",
  h4: "h6",
  h5: "h6",
  h6: "h6",
  p: "p",
  ul: "ul",
  ol: "ol",
  li: "li",
  hr: "hr",
  strong: "strong",
  blockquote: "blockquote",
  code: "code",
  thead: "thead",
  tbody: "tbody",
  tr: "tr",
  th: "th",
  td: "td",
  sup: "sup",
  sub: "sub",
  section: "section",
};

/**
 * An answer's Markdown. Only the block at the end is parsed again while the text is `growing`. HTML is sanitised,
 * images are named and never fetched.
 */
export const Markdown = memo(function Markdown({ text, growing }: { text: string; growing: boolean }) {
  return (
    <Streamdown className="markdown" components={COMPONENTS} parseIncompleteMarkdown={growing} controls={false}>
      {text}
    </Streamdown>
  );
});

export default Markdown;
