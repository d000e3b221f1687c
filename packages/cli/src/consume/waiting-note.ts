/**
 * Tells the user once why a member of a group prints no records yet. In a classic group the coordinator
 * answers a join only when every other member has joined again. If a member is dead, the coordinator answers
 * when the session of this member ends: after 45 seconds by default.
 */
const WAITING_MS = 5_000;

export interface WaitingNote {
  /**
   * Call this when the group has assigned partitions, or when the member leaves, because the user then needs
   * no note.
   */
  end(): void;
}

export function waitingNote(
  group: string,
  note: (text: string) => void,
  waitingMs: number = WAITING_MS,
): WaitingNote {
  const timer = setTimeout(
    () =>
      note(
        `group '${group}' has assigned no partition for ${waitingMs / 1_000} s: it waits for a member that does not answer, or has more members than partitions; \`millrace group describe ${group}\` shows them`,
      ),
    waitingMs,
  );
  return { end: () => clearTimeout(timer) };
}
