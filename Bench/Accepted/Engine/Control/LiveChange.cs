namespace PamuFastPath;

/// <summary>What a step from one state to the next means for devices.</summary>
[Flags]
internal enum LiveChange
{
    /// <summary>Nothing a device could notice: no new table is needed.</summary>
    None = 0,

    /// <summary>Something is allowed, or laid out, that was not before. Nobody has to be waited for.</summary>
    Adds = 1,

    /// <summary>Something that was allowed no longer is, or goes elsewhere: a grace period is needed.</summary>
    Removes = 2,
}

internal static class LiveChanges
{
    extension(LiveChange)
    {
        internal static LiveChange Between(ContainerState old, ContainerState next)
        {
            if (ReferenceEquals(old, next))
            {
                return LiveChange.None;
            }

            bool sameGeometry = old.Geometry.Equals(next.Geometry);
            LiveChange change = sameGeometry ? LiveChange.None : LiveChange.Adds;
            for (int i = 0; i < (int)old.WindowCount; i++)
            {
                LiveWindow before = old.LiveWindow(i);
                LiveWindow after = sameGeometry ? next.LiveWindow(i) : LiveWindow.Empty;
                change |= after.Covers(before) ? LiveChange.None : LiveChange.Removes;
                change |= before.Covers(after) ? LiveChange.None : LiveChange.Adds;
            }

            return change;
        }
    }
}
