/** What one round gave, by name. */
export type Figures = Readonly<Record<string, number>>;

/** The part of its core that the load took; shown beside the figures, and no figure by itself. */
export const LOAD = "load";
/** The part of the machine that other processes took. */
export const OTHERS = "others";

/** How a figure is shown. */
export interface Column {
  readonly figure: string;
  readonly title: string;
  readonly digits: number;
}

/** One measurement, made of each of its subjects in turn. */
export interface Run {
  /** Who is measured, the reference first. */
  readonly subjects: readonly string[];
  readonly rounds: number;
  /** The rows that one measurement gives, by name. */
  measure(subject: string): Promise<Readonly<Record<string, Figures>>>;
}

export interface Workload {
  readonly name: string;
  readonly title: string;
  /** The first is compared with the reference's. */
  readonly columns: readonly Column[];
  runs(scale: Scale): readonly Run[];
}

/** How much is measured. */
export interface Scale {
  /** Proves that it works, in a fraction of the time. */
  readonly quick: boolean;
  /** How often everything is measured, where nothing else was asked for. */
  rounds(usual: number): number;
  /** Those of `subjects` that were asked for, with the reference, which is the first; none if none was. */
  choose(subjects: readonly string[]): readonly string[];
}
