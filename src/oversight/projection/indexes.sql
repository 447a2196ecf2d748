-- The indexes of the projection, apart from its tables: they are made after a fill from nothing, which is faster.

CREATE INDEX IF NOT EXISTS act_patient ON act (patient, at) WHERE patient IS NOT NULL;
CREATE INDEX IF NOT EXISTS act_user ON act (user, at);
CREATE INDEX IF NOT EXISTS act_at ON act (at);
CREATE INDEX IF NOT EXISTS act_rare ON act (event, at) WHERE event > 8;
CREATE INDEX IF NOT EXISTS act_break_glass ON act (break_glass, at) WHERE break_glass IS NOT NULL;
CREATE INDEX IF NOT EXISTS act_failed ON act (outcome, at) WHERE outcome > 0;
