/** The figures of one round, by name. */
export type Figures = Readonly<Record<string, number>>;

/** Share of its core that the load generator used. Shown beside the figures; heading and name at once. */
export const LOAD_CPU = "load CPU";
/** Share of the machine that other processes used. */
export const OTHER_CPU = "other CPU";

/** How a figure is shown. */
export interface Column {
  readonly figure: string;
  readonly title: string;
  readonly digits: number;
}

/** A measurement that is repeated for each of its subjects. */
export interface Scenario {
  /** What is measured; the reference comes first. */
  readonly subjects: readonly string[];
  readonly rounds: number;
  /** Measures one subject. Returns one or more rows of figures, by the name of the row. */
  measure(subject: string): Promise<Readonly<Record<string, Figures>>>;
}

export interface Workload {
  readonly name: string;
  readonly title: string;
  /** The ratio in the table is that of the first column. */
  readonly columns: readonly Column[];
  scenarios(settings: Settings): readonly Scenario[];
}

/** How much is measured. */
export interface Settings {
  /** A short run, which shows that everything works. */
  readonly quick: boolean;
  /** The number of rounds: `usual`, unless the command line says otherwise. */
  rounds(usual: number): number;
  /** The selected subjects and the reference, which is the first of `subjects`; none when none is selected. */
  select(subjects: readonly string[]): readonly string[];
}
