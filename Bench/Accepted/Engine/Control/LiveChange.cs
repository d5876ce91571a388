namespace PamuFastPath;

/// <summary>What a step from one state to the next means for devices.</summary>
internal enum LiveChange
{
    /// <summary>Nothing a device could notice: no new table is needed.</summary>
    None,

    /// <summary>Everything that was allowed still is, with the same target: nobody has to be waited for.</summary>
    Adds,

    /// <summary>Something that was allowed no longer is, or goes elsewhere: a grace period is needed.</summary>
    Removes,
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
                if (!after.Covers(before))
                {
                    return LiveChange.Removes;
                }

                if (before != after)
                {
                    change = LiveChange.Adds;
                }
            }

            return change;
        }
    }
}
