/** An aggregate that takes every command, for Tidemark with snapshots and without, and for Emmett; its events are about as long as an order's. */
import { z } from "zod";
import { aggregate } from "../../src/core/index.ts";

interface Notes {
  readonly count: number;
  readonly characters: number;
}
const none: Notes = { count: 0, characters: 0 };
const after = ({ count, characters }: Notes, text: string): Notes => ({ count: count + 1, characters: characters + text.length });

const commands = { WriteNote: z.strictObject({ text: z.string().min(1).max(500) }) };
const events = { NoteWritten: z.object({ text: z.string() }) };

export const notes = aggregate(
  "notes",
  { id: "noteId", commands, events, initial: none },
  {
    decide: { WriteNote: (_, { data }, { NoteWritten }) => NoteWritten(data) },
    evolve: { NoteWritten: (state, { data }) => after(state, data.text) },
  },
);

/** The same log under the same rules; a state is stored at each 25th event. */
export const notesWithSnapshots = aggregate(
  "notes",
  { id: "noteId", commands, events, initial: none, snapshots: { every: 25 } },
  {
    decide: { WriteNote: (_, { data }, { NoteWritten }) => NoteWritten(data) },
    evolve: { NoteWritten: (state, { data }) => after(state, data.text) },
  },
);

export const emmettNotes = {
  initialState: () => none,
  evolve: (state: Notes, { data }: { readonly data: object }) => after(state, (data as { readonly text: string }).text),
  decide: (text: string) => ({ type: "NoteWritten", data: { text } }),
};

const words =
  "the shop took delivery of forty sacks of washed beans, signed for them and put them on the third shelf from the door; ".repeat(2);
/** About 240 characters; another one for each number. */
export const noteText = (n: number): string => `${n}: ${words}`;
