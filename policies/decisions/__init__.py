"""The pure decision: facts in, every rule asked and its result out."""
