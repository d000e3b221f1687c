/** A plan as text for a file: JSON with a line for each fault, so that people can change it. */
import type { Incident, Plan } from './plan.ts';

export function planText({ incidents, ...fields }: Plan): string {
  const beginning = JSON.stringify(fields).slice(0, -1);
  return `${beginning},"incidents":[${incidents.map(incidentText).join(',')}\n]}`;
}

function incidentText({ faults, ...fields }: Incident): string {
  const beginning = JSON.stringify(fields).slice(0, -1);
  return `\n{${beginning.slice(1)},"faults":[${faults.map((one) => `\n  ${JSON.stringify(one)}`).join(',')}\n]}`;
}
