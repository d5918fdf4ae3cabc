/** The kit itself: what it accepts, and above all what it finds. */
import assert, { AssertionError } from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { aggregate, count, max, reference, rollup, view } from "../core/index.ts";
import { at, spec, stream } from "./index.ts";

const initial: { readonly open: boolean; readonly sum: number } = { open: false, sum: 0 };
const behaviour = {
  evolve: {
    Opened: (state: typeof initial) => ({ ...state, open: true }),
    Added: (state: typeof initial, { data }: { data: { by: number } }) => ({ ...state, sum: state.sum + data.by }),
  },
};
const contract = {
  id: "accountId",
  stream: z.string().max(4),
  commands: { Open: z.object({}), Add: z.object({ by: z.int() }) },
  events: { Opened: z.object({}), Added: z.object({ by: z.int() }) },
  rejections: { NotOpen: "It is not open.", TooMuch: (data: { most: number }) => `At most ${data.most}.` },
  initial,
};
const accounts = aggregate("accounts", contract, {
  ...behaviour,
  decide: {
    Open: (state, _, { Opened }) => (state.open ? [] : Opened()),
    Add: (state, { data }, { Added, NotOpen, TooMuch }) => {
      if (!state.open) return NotOpen();
      return state.sum + data.by > 10 ? TooMuch({ most: 10 - state.sum }) : [Added(data), Added({ by: 0 })];
    },
  },
});
const { Add, Open } = accounts.commands;
const { Added, Opened } = accounts.events;
const { NotOpen, TooMuch } = accounts.rejections;
const open = spec(accounts).given(Opened());
const fails = (run: () => unknown, text: RegExp) =>
  assert.throws(run, (error) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, text);
    return true;
  });

test("an aggregate's spec passes for what happens", () => {
  open.when(Add("a-1", { by: 3 })).then(Added({ by: 3 }), Added({ by: 0 }));
  open.when(Open("a-1")).thenNothing();
  spec(accounts)
    .when(Add("a-1", { by: 3 }))
    .then(NotOpen());
  open
    .given(at("2026-01-01T00:00:00Z", Added({ by: 8 })))
    .when(Add("a-1", { by: 3 }))
    .then(TooMuch({ most: 2 }));
  open.when(Add("a-1", { by: 1.5 })).thenInvalid("/by");
  open.when(Add("too-long", { by: 1 })).thenInvalid("/accountId");
  open.when(Add("a-1", { by: 1.5 })).thenInvalid();
});

test("an aggregate's spec fails for anything else", () => {
  for (const wrong of [
    () => open.when(Add("a-1", { by: 3 })).then(Added({ by: 3 })),
    () => open.when(Add("a-1", { by: 3 })).then(Added({ by: 0 }), Added({ by: 3 })),
    () => open.when(Add("a-1", { by: 3 })).thenNothing(),
    () => open.when(Add("a-1", { by: 3 })).then(NotOpen()),
    () => open.when(Open("a-1")).then(Opened()),
    () => open.when(Add("a-1", { by: 11 })).then(TooMuch({ most: 9 })),
    () => open.when(Add("a-1", { by: 1.5 })).then(NotOpen()),
    () => open.when(Add("a-1", { by: 1 })).thenInvalid(),
    () => open.when(Add("a-1", { by: 1.5 })).thenInvalid("/other"),
  ])
    assert.throws(wrong, AssertionError);
});

test("an unfinished spec that is awaited does not pass for a test", async () => {
  await assert.rejects(async () => await (open.when(Open("a-1")) as unknown), /Do not await a spec/);
  await assert.rejects(async () => await (spec(totals) as unknown), /Do not await a spec/);
});

test("an aggregate's spec fails where a state fits in no snapshot", () => {
  const empty: { readonly text?: string | undefined } = {};
  const notes = (snapshots: { every: number } | undefined) =>
    aggregate(
      "notes",
      {
        id: "noteId",
        commands: { Write: z.object({ text: z.string().optional() }) },
        events: { Written: z.object({ text: z.string().optional() }) },
        initial: empty,
        ...(snapshots && { snapshots }),
      },
      { decide: { Write: (_, { data }, { Written }) => Written(data) }, evolve: { Written: (_, { data }) => ({ text: data.text }) } },
    );
  const run = (definition: ReturnType<typeof notes>) => () =>
    spec(definition).when(definition.commands.Write("n-1", {})).then(definition.events.Written({}));
  run(notes(undefined))();
  assert.throws(run(notes({ every: 10 })), /notes\.evolve\.Written gives a state that no snapshot can hold: \/text is undefined/);
});

test("handlers that change what they are given, or differ from call to call, are found", () => {
  let calls = 0;
  const decide = { Open: () => [], Add: () => [] };
  const changing = aggregate("changing", contract, {
    decide,
    evolve: { ...behaviour.evolve, Opened: (state) => Object.assign(state, { open: true }) },
  });
  fails(() => spec(changing).given(changing.events.Opened()).when(changing.commands.Open("a")).thenNothing(), /read only/);
  const moody = aggregate("moody", contract, {
    ...behaviour,
    decide: { ...decide, Add: (_, __, { Added: Made }) => Made({ by: calls++ }) },
  });
  fails(
    () =>
      spec(moody)
        .when(moody.commands.Add("a", { by: 1 }))
        .then(moody.events.Added({ by: 0 })),
    /decides differently the second time/,
  );
});

const Total = z.object({ sum: z.int(), last: z.string().nullable() });
const totals = view(
  "totals",
  { document: Total, from: [accounts] },
  {
    create: { Opened: () => ({ sum: 0, last: null }) },
    on: { Added: (doc, { data, time }) => ({ sum: doc.sum + data.by, last: time }) },
  },
);
const history = [
  stream(accounts, "a-1", [Opened(), Added({ by: 1 }), at("2026-05-01T12:00:00+02:00", Added({ by: 2 }))]),
  stream(accounts, "a-2", [Opened(), Added({ by: 5 })]),
];

test("a view's spec compares exactly the documents, and of each the named members", () => {
  const given = spec(totals).given(...history);
  given.then({ "a-1": { sum: 3, last: "2026-05-01T10:00:00.000Z" }, "a-2": { sum: 5 }, "a-3": null });
  fails(() => given.then({ "a-1": { sum: 4 }, "a-2": {} }), /not those expected/);
  fails(() => given.then({ "a-1": { sum: 3 } }), /not those expected/);
  fails(() => given.then({ "a-1": {}, "a-2": {}, "a-3": {} }), /not those expected/);
  fails(() => given.then({ "a-1": {}, "a-2": null }), /not those expected/);
  fails(
    () =>
      spec(totals)
        .given(...history, ...history)
        .then({}),
    /given twice/,
  );
});

test("a rollup's spec compares groups by their keys, and finds an order that matters to the documents it measures", () => {
  const bySum = (of: typeof totals) =>
    rollup("by_sum", {
      document: z.object({ sum: z.int(), accounts: z.int(), latest: z.string().nullable() }),
      of,
      by: { sum: "sum" },
      measures: { accounts: count(), latest: max("last") },
    });
  const given = spec(bySum(totals)).given(...history);
  given.then({ 3: { accounts: 1, latest: "2026-05-01T10:00:00.000Z" }, 5: { accounts: 1 } });
  fails(() => given.then({ 3: { accounts: 2 }, 5: {} }), /not those expected/);
  fails(() => given.then({ 3: {} }), /not those expected/);
  const hidden = { seen: 0 };
  const counting = view(
    "counting_up",
    { document: Total, from: [accounts] },
    { create: { Opened: () => ({ sum: hidden.seen++, last: null }) }, on: {} },
  );
  fails(
    () =>
      spec(bySum(counting as unknown as typeof totals))
        .given(stream(accounts, "a-1", [Opened()]))
        .then({ 0: {} }),
    /no function of its logs/,
  );
});

/** Enough streams for an order to matter. */
const many = ["a-1", "a-2", "a-3"].map((id, i) => stream(accounts, id, [Opened(), Added({ by: i + 1 }), Added({ by: 10 })]));
const one = (on: { sum: number; last: string | null }) => on;
const keyed = { document: Total, from: [accounts] };

test("a document that depends on the interleaving is found, with the seed that shows it", () => {
  const lastWins = view("last_wins", keyed, {
    initial: () => ({ sum: 0, last: null }),
    key: () => "all",
    on: { Added: (doc, { data, stream: id }) => ({ sum: doc.sum + data.by, last: id }) },
  });
  fails(
    () =>
      spec(lastWins)
        .given(...many)
        .then({ all: { sum: 36 } }),
    /no function of its logs alone[^]*seed: \d+[^]*accounts\/a-\d Opened/,
  );
  fails(
    () =>
      spec(lastWins, { seed: 7 })
        .given(...many)
        .then({ all: { sum: 36 } }),
    /seed: 7 \}/,
  );

  const sums = view("sums", keyed, {
    initial: () => one({ sum: 0, last: null }),
    key: () => "all",
    on: { Added: (doc, { data }) => ({ ...doc, sum: doc.sum + data.by }) },
  });
  spec(sums)
    .given(...many)
    .then({ all: { sum: 36, last: null } });
});

test("a document that is skipped while another stream's is not there yet is found", () => {
  const gated = view("gated", keyed, {
    initial: () => ({ sum: 0, last: null }),
    key: () => "all",
    on: {
      Opened: (doc, { stream: id }) => (id === "a-1" ? { ...doc, last: "open" } : doc),
      Added: (doc, { data }) => (doc.last === null ? doc : { ...doc, sum: doc.sum + data.by }),
    },
  });
  fails(
    () =>
      spec(gated)
        .given(...many)
        .then({ all: { sum: 36 } }),
    /no function of its logs alone/,
  );
});

test("a handler that remembers something between batches or runs is found", () => {
  let seen = 0;
  const counting = view("counting", keyed, { create: { Opened: () => ({ sum: seen++, last: null }) }, on: {} });
  fails(
    () =>
      spec(counting)
        .given(...history)
        .then({ "a-1": { sum: 0 }, "a-2": { sum: 1 } }),
    /no function of its logs alone/,
  );

  const cache = new WeakMap<object, number>();
  const cutting = view("cutting", keyed, {
    create: { Opened: () => ({ sum: 0, last: null }) },
    on: {
      Added: (doc, { data }) => {
        const next = { sum: (cache.get(doc) ?? 0) + data.by, last: null };
        cache.set(next, next.sum);
        return next;
      },
    },
  });
  fails(
    () =>
      spec(cutting)
        .given(...history)
        .then({ "a-1": { sum: 3 }, "a-2": { sum: 5 } }),
    /no function of its logs alone/,
  );
});

test("a document that does not match its schema is found, a surplus field too", () => {
  const surplus = view("surplus", keyed, { create: { Opened: () => ({ sum: 0, last: null, ...{ more: 1 } }) }, on: {} });
  fails(
    () =>
      spec(surplus)
        .given(...history)
        .then({ "a-1": {}, "a-2": {} }),
    /\/more is no field of the schema/,
  );
  const half = view("half", keyed, { create: { Opened: () => ({ sum: 0.5, last: null }) }, on: {} });
  fails(
    () =>
      spec(half)
        .given(...history)
        .then({ "a-1": {}, "a-2": {} }),
    /\/sum must be integer/,
  );
});

test("a handler that changes documents in place is found", () => {
  const inPlace = view("in_place", keyed, {
    create: { Opened: () => ({ sum: 0, last: null }) },
    on: { Added: (doc, { data }) => Object.assign(doc, { sum: doc.sum + data.by }) },
  });
  fails(
    () =>
      spec(inPlace)
        .given(...history)
        .then({ "a-1": {}, "a-2": {} }),
    /read only/,
  );
});

test("references are filled, whichever comes first, and logs that are not read are refused", () => {
  const owners = aggregate(
    "owners",
    { id: "id", commands: {}, events: { Named: z.object({ name: z.string() }) }, initial: 0 },
    { decide: {}, evolve: { Named: (n) => n } },
  );
  const cards = view(
    "cards",
    { document: z.object({ name: z.string() }), from: [owners] },
    { create: { Named: ({ data }) => data }, on: { Named: (_, { data }) => data } },
  );
  const owned = view(
    "owned",
    {
      document: z.object({ owner: z.string(), name: z.string() }),
      from: [accounts],
      indexes: ["owner"],
      references: { owner: reference(cards, (card) => ({ name: card?.name ?? "?" })) },
    },
    {
      create: { Opened: ({ stream: id }) => ({ owner: id }) },
      on: {},
    },
  );
  const named = stream(owners, "a-1", [owners.events.Named({ name: "Ann" }), owners.events.Named({ name: "Anne" })]);
  spec(owned)
    .given(named, ...history)
    .then({ "a-1": { name: "Anne" }, "a-2": { name: "?" } });
  fails(() => spec(totals).given(named).then({}), /reads no log 'owners'/);
});
