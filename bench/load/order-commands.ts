/** The commands of one order's life, in order: created with 2 items, 2 items added, submitted, paid. */
import { orders } from "../../examples/orders/domain.ts";
import type { StoredItem } from "../../examples/orders/values.ts";
import type { AnyCommand } from "../../src/core/index.ts";
import { orderOf } from "../workload/orders.ts";

export interface OrderCommand {
  readonly stream: string;
  readonly type: string;
  /** As a decider gets it, already validated. */
  readonly data: object;
  /** As a client sends it. */
  readonly command: AnyCommand;
}

export const commandsPerOrder = 5;

const money = (minor: number): string => {
  const digits = String(minor).padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
};
const wire = (item: StoredItem) => ({ ...item, unitPrice: money(item.unitPrice) });

export function orderCommands(n: number): readonly OrderCommand[] {
  const { key: stream, customerId, items, total, method } = orderOf(n);
  const { CreateOrder, AddItem, SubmitOrder, PayOrder } = orders.commands;
  const adds = items.slice(2).map((item) => ({ stream, type: "AddItem", data: item, command: AddItem(stream, wire(item)) }));
  const first = items.slice(0, 2);
  return [
    {
      stream,
      type: "CreateOrder",
      data: { customerId, items: first },
      command: CreateOrder(stream, { customerId, items: first.map(wire) }),
    },
    ...adds,
    { stream, type: "SubmitOrder", data: {}, command: SubmitOrder(stream, {}) },
    { stream, type: "PayOrder", data: { method, amount: total }, command: PayOrder(stream, { method, amount: money(total) }) },
  ];
}

/** Each caller goes through orders of its own, one command at a time; all draw from the same numbers, from `firstOrder` on. */
export function orderLives(execute: (command: OrderCommand) => Promise<void>, firstOrder = 0): (caller: number) => Promise<number> {
  let next = firstOrder;
  const lives: OrderCommand[][] = [];
  return async (caller) => {
    const life = (lives[caller] ??= []);
    if (life.length === 0) life.push(...orderCommands(next++));
    await execute(life.shift()!);
    return 1;
  };
}
