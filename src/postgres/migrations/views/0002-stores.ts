/** Which kind of store has a generation's documents, and the id that this storage was given when it was made; null: none yet, or gone again. */
export const sql = `
alter table _generations add column store text not null default 'sql', add column storage text;
`;
