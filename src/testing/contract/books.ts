/** Books to be searched, and what is searched for in them. */
import { aggregate } from "../../core/aggregate.ts";
import { view } from "../../core/view.ts";
import { fields, flag, listOf, nothing, oneOf, orNull, text, whole } from "./schemas.ts";

interface Put {
  readonly title: string | null;
  readonly tags: readonly string[];
  readonly notes?: string;
  readonly author: string | null;
  readonly pages: number;
  readonly lent: boolean;
  readonly shelf: "upper" | "lower";
}
const put = {
  title: orNull(text),
  tags: listOf(text),
  notes: text,
  author: orNull(text),
  pages: whole,
  lent: flag,
  shelf: oneOf("upper", "lower"),
};

const books = aggregate(
  "books",
  { id: "id", commands: {}, events: { Put: fields<Put>(put, ["notes"]), Gone: nothing }, initial: 0 },
  { decide: {}, evolve: { Put: () => 0, Gone: () => 0 } },
);

export const searched = view(
  "searched_books",
  {
    document: fields<Put & { readonly id: string }>({ id: text, ...put }, ["notes"]),
    from: [books],
    indexes: ["author", "pages", "lent", ["shelf", "pages"]],
    search: { text: ["id", "title", "tags", "notes"], facets: ["author", "shelf", "pages", "lent"] },
  },
  {
    create: { Put: ({ stream, data }) => ({ id: stream, ...data }) },
    on: { Put: (_, { stream, data }) => ({ id: stream, ...data }), Gone: () => null },
  },
);

export const titles = [
  "The Old Man and the Sea",
  "Ångström's Élan vital",
  "élan",
  "ELAN VITAL",
  "Crème brûlée, 100 recipes",
  "O'Brien & Söhne: Straße nach Kraków",
  "war-and-peace",
  "War and Peace",
  "peace",
  "日本語の本",
  "naïve co\u0302te",
  "C++ in 21 days",
  "e-mail me at a.b@example.com",
  "  the   the  ",
  "to be or not to be",
  '* ? "quoted" (brackets) [and] {more} ~ ^ : / \\ AND OR NOT',
  "Æon ﬁne ＦＵＬＬ",
  "привет мир",
];
export const tags = ["sea", "Épée", "war & peace", "21", "new york", "the", ""];

/** What is searched for. */
export const texts = [
  "",
  "   ",
  "sea",
  "SEA old",
  "old sea man the",
  "elan",
  "élan",
  "ELA",
  "vit el",
  "angstrom",
  "brulee 100",
  "obrien",
  "O'Brien",
  "brien o",
  "strasse krakow",
  "war peace",
  "peac wa",
  "and",
  "ace",
  "日本語",
  "naive cote",
  "21",
  "2",
  "example com",
  "the",
  "not",
  "*",
  '"quoted"',
  "brackets AND more",
  "a OR b",
  "-sea",
  "book-1",
  "fine full",
  "мир при",
  "nothing has this",
  "york épée",
  "new york sea",
];
